"""Finds out what the trials of a study are run with."""

import logging
from importlib.metadata import version

from nas_worker.data import load_dataset
from nas_worker.errors import DatasetError, UnknownNameError
from nas_worker.sources.name import SourceName
from service.db.store import Store
from service.domain.provenance import Provenance
from service.domain.records import StudyRecord

_LOG = logging.getLogger(__name__)


class Provenances:
    """Remembers the fingerprints of data sets, since one means reading all of the data.

    Only those of the data sets that come with the program: they belong to the installed version, so they
    hold as long as the process. What lies in files or on the hub may change at any time, and may take hours
    to read, so it has no fingerprint, and its trials are never reused.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fingerprints: dict[str, str] = {}

    def of(self, study: StudyRecord) -> Provenance:
        """What a trial of the study that begins now is run with. May take as long as reading the data set."""
        return Provenance(
            platform_hash=self._store.platforms.get(study.spec.platform).content_hash,
            dataset_fingerprint=self._fingerprint(study.spec.search.dataset),
            code_version=version("spnas-tuner"),
        )

    def _fingerprint(self, dataset: str) -> str | None:
        if dataset not in self._fingerprints:
            try:
                if SourceName.parse(dataset) is not None:
                    return None
                self._fingerprints[dataset] = load_dataset(dataset).fingerprint
            except (
                UnknownNameError,
                DatasetError,
                OSError,
            ) as error:  # the workers may have what the service has not
                _LOG.warning("trials are not reused: %s", error)
                return None
        return self._fingerprints[dataset]
