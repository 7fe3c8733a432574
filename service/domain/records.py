"""What the store hands out: immutable values, detached from the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from nas_worker.job import EpochReport
from service.domain.provenance import Provenance, TrialOrigin
from service.domain.spec import StudySpec
from service.domain.states import StudyState, TrialState


@dataclass(frozen=True, slots=True)
class TrialSummary:
    """What figures and solvers need of a trial: small, since a study may have many thousands.

    Attributes:
        number: From 0, in the order of suggestion.
        state: Where it stands.
        lambda_: Trade-off of Eq. 10.
        epochs: Fidelity.
        epochs_done: Epochs recorded so far, derived from the epoch rows.
        hinge_target_ms: Target of a hinged runtime term in ms, or None (see solver.base.Suggestion).
        attempt: Counts starts; fences a worker that was given up.
        accuracy: Top-1 validation accuracy in [0, 1], once completed.
        runtime_ms: Runtime R in ms, once completed.
        reward: Eq. 19 for the study's first target, derived, once completed.
        started_at: UTC, of the first attempt.
        finished_at: UTC.
    """

    number: int
    state: TrialState
    lambda_: float
    epochs: int
    epochs_done: int
    hinge_target_ms: float | None
    attempt: int
    accuracy: float | None
    runtime_ms: float | None
    reward: float | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class TrialRecord(TrialSummary):
    """A trial; the attributes of its summary, and these.

    Attributes:
        id: Key in the database; users see ``study_id`` and ``number``.
        study_id: Its study.
        seed: Seed of the search.
        crashes: Lost workers so far.
        provenance: What the latest attempt ran with; None before the first, and of older trials.
        versions: Versions of the worker's packages by name, likewise.
        identity: Trials that share it have the same outcome; None: it cannot be told.
        reused_from: The trial whose outcome was taken, at no cost; None: it ran itself.
        worker: Name of the actor that runs it, while running.
        architecture: 20 layer types, once completed.
        error: Why it failed, for users; the traceback of a search that raised.
        created_at: UTC.
        attempt_started_at: UTC, of the latest attempt.
        updated_at: UTC; changes with every epoch.
        retry_at: UTC; a queued trial is not started before, None: at once.
    """

    id: int
    study_id: str
    seed: int
    crashes: int
    provenance: Provenance | None
    versions: Mapping[str, str] | None
    identity: str | None
    reused_from: TrialOrigin | None
    worker: str | None
    architecture: tuple[str, ...] | None
    error: str | None
    created_at: datetime
    attempt_started_at: datetime | None
    updated_at: datetime
    retry_at: datetime | None


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """A study with everything that is derived from its trials.

    Attributes:
        id: Opaque, unique, URL-safe.
        state: Where it stands.
        spec: What was asked for, with later patches.
        warnings: What the user should know although the spec is valid, such as an unreachable target.
        shortage: What the engine lacks for its trials, as it is now; one of the warnings too.
        spent_epochs: Number of epoch rows, without those of reused trials.
        reserved_epochs: Epochs still to come of queued and running trials.
        trial_counts: Number of trials by state; every state is a key.
        best: The completed trial at full fidelity with the highest reward; the lower number wins a tie.
        further_bests: The same for each target after the first; they have an outcome whenever ``best`` has.
        reused_epochs: Epochs that were taken from identical trials.
        revision: Grows with every change of the study, its trials or their epochs; the ETag.
        created_at: UTC.
        updated_at: UTC.
        error: Why it failed.
    """

    id: str
    state: StudyState
    spec: StudySpec
    warnings: tuple[str, ...]
    spent_epochs: int
    reserved_epochs: int
    trial_counts: Mapping[TrialState, int]
    best: TrialRecord | None
    revision: int
    created_at: datetime
    updated_at: datetime
    error: str | None
    further_bests: tuple[TrialRecord, ...] = ()
    shortage: str | None = None
    reused_epochs: int = 0

    @property
    def bests(self) -> tuple[tuple[float, TrialRecord], ...]:
        """(target in ms, best trial for it) for each target; none before there is a best trial."""
        if self.best is None:
            return ()
        return tuple(zip(self.spec.targets_ms, (self.best, *self.further_bests), strict=True))

    @property
    def left_epochs(self) -> int:
        """Budget neither spent nor reserved."""
        return max(0, self.spec.budget_epochs - self.spent_epochs - self.reserved_epochs)


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """A recorded epoch: the worker's report, which attempt it came from and when it was stored (UTC)."""

    report: EpochReport
    attempt: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to dispatch. ``fence`` grows with every new holder."""

    owner: str
    fence: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A webhook's message to be sent now: its id, its study's id, JSON, and which try this is, from 1."""

    id: str
    study_id: str
    body: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over all studies; every state is a key."""

    studies: Mapping[StudyState, int]
    trials: Mapping[TrialState, int]
    epochs: int


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, and the token that asks for the next one."""

    items: tuple[T, ...]
    next_page_token: str | None
