"""Files that a trial leaves behind: its ConvNet in the formats that `spnas export` knows, and its epochs.

They are made from the trial's rows when they are asked for, so they can be neither lost nor half-written.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from nas_worker.export.block_strings import encode_blocks
from nas_worker.export.document import ArchitectureDocument
from nas_worker.export.layers import layered
from nas_worker.export.svg import svg_text
from nas_worker.platform import Platform
from nas_worker.space import FULL_SIZE, Architecture
from service.db.store import Store
from service.domain.errors import NotFoundError
from service.domain.records import EpochRecord, TrialRecord


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file.

    Attributes:
        name: File name, one of :data:`NAMES`.
        media_type: As in Content-Type.
        content: The file.
    """

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class _Trial:
    record: TrialRecord
    platform: Platform
    epochs: Sequence[EpochRecord]

    @property
    def architecture(self) -> Architecture:
        assert self.record.architecture is not None
        return Architecture.parse(self.record.architecture)


def artifacts(store: Store, study_id: str, number: int) -> tuple[Artifact, ...]:
    """All files of a trial: epochs once there is one, the ConvNet once the trial has completed.

    Raises:
        NotFoundError: There is no such study, trial or platform.
    """
    trial = _read(store, study_id, number)
    return tuple(_made(trial, name) for name in names(trial.record))


def names(trial: TrialRecord) -> tuple[str, ...]:
    """Which files a trial has."""
    return tuple(
        name for name in NAMES if (trial.epochs_done if name == _EPOCHS else trial.architecture is not None)
    )


def artifact(store: Store, study_id: str, number: int, name: str) -> Artifact:
    """One file of a trial.

    Raises:
        NotFoundError: There is no such study, trial or platform, or the trial has no such file (yet).
    """
    trial = _read(store, study_id, number)
    found = names(trial.record)
    if name not in found:
        has = ", ".join(found) or "none yet"
        raise NotFoundError(f"trial {number} of study {study_id} has no artifact {name!r}; it has {has}")
    return _made(trial, name)


def _read(store: Store, study_id: str, number: int) -> _Trial:
    record = store.trials.get(study_id, number)
    platform = store.platforms.get(store.studies.get(study_id).spec.platform)
    return _Trial(record, platform, store.trials.epochs(study_id, number))


def _made(trial: _Trial, name: str) -> Artifact:
    media_type, make = _MAKERS[name]
    return Artifact(name, media_type, make(trial).encode())


def _document(trial: _Trial) -> str:
    net = layered(trial.architecture, FULL_SIZE, trial.platform)
    document = ArchitectureDocument.of(trial.architecture, FULL_SIZE, net.platform, net.total_ms)
    return document.to_json()


def _blocks(trial: _Trial) -> str:
    return "".join(f"{line}\n" for line in encode_blocks(trial.architecture))


def _drawing(trial: _Trial) -> str:
    title = f"Trial {trial.record.number} of study {trial.record.study_id}"
    return svg_text(layered(trial.architecture, FULL_SIZE, trial.platform), title)


def _epochs(trial: _Trial) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(("epoch", "cross_entropy", "accuracy", "runtime_ms", "seconds", "architecture"))
    for report in (epoch.report for epoch in trial.epochs):
        outcome = (report.cross_entropy, report.accuracy, report.runtime_ms, report.seconds)
        writer.writerow((report.epoch, *outcome, " ".join(report.architecture)))
    return buffer.getvalue()


_EPOCHS = "epochs.csv"
_MAKERS = MappingProxyType[str, tuple[str, Callable[[_Trial], str]]](
    {
        "architecture.json": ("application/json", _document),
        "architecture.txt": ("text/plain; charset=utf-8", _blocks),
        "architecture.svg": ("image/svg+xml", _drawing),
        _EPOCHS: ("text/csv; charset=utf-8", _epochs),
    }
)

NAMES = tuple(_MAKERS)
"""Every name that an artifact can have."""
