"""What figures are drawn from, read once for all figures of a page."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from service.db.store import Store
from service.domain.records import StudyRecord, TrialSummary

MOST_KEPT = 8
"""Studies whose latest reading is kept. One of 10,000 trials takes about 5 MB."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A study with its trials.

    Attributes:
        study: The study.
        trials: All of them by number.
        spent_when_done: Epochs that the study had spent when each recorded its latest one, by number.
    """

    study: StudyRecord
    trials: tuple[TrialSummary, ...]
    spent_when_done: Mapping[int, int]


class Readings:
    """Reads studies, each once per revision, however many figures are asked for at a time.

    Args:
        store: Where the rows are.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[int, Future[Reading]]] = OrderedDict()

    def of(self, study_id: str) -> Reading:
        """The study as it is now.

        Raises:
            NotFoundError: There is no such study.
            DatabaseUnavailableError: The database failed.
        """
        revision = self.store.studies.revision(study_id)
        with self._lock:
            known, reading = self._kept.get(study_id, (None, Future[Reading]()))
            is_new = known != revision or (reading.done() and reading.exception() is not None)
            if is_new:
                reading = Future()
                self._kept[study_id] = revision, reading
            self._kept.move_to_end(study_id)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        if is_new:
            try:
                reading.set_result(self._read(study_id))
            except BaseException as error:
                reading.set_exception(error)
        return reading.result()

    def _read(self, study_id: str) -> Reading:
        trials = self.store.trials
        return Reading(
            self.store.studies.get(study_id), trials.summaries(study_id), trials.spent_when_done(study_id)
        )
