"""One change of one trial, inside a transaction that has locked its study."""

import itertools
import math
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from nas_worker.job import EpochReport
from service.db import events
from service.db.columns import UtcNow
from service.db.derive import EPOCHS_DONE, UNFINISHED
from service.db.models import EpochRow, StudyRow, TrialRow
from service.db.statements import clean_text
from service.domain.events import EventKind
from service.domain.states import StudyState, TrialState
from solver.base import Suggestion

# Built once, and executed on the session's connection: building a statement, or what a session adds to it,
# costs more than sending it.
_FIND_UNFINISHED = (
    select(
        StudyRow.key,
        TrialRow.number,
        TrialRow.state,
        TrialRow.epochs,
        TrialRow.crashes,
        EPOCHS_DONE,
        StudyRow.state,
    )
    .join(StudyRow, StudyRow.key == TrialRow.study_key)
    .where(
        TrialRow.id == bindparam("id"),
        TrialRow.attempt == bindparam("attempt"),
        TrialRow.state.in_(UNFINISHED),
    )
)

_SET_TRIAL = (
    update(TrialRow)
    .where(
        TrialRow.id == bindparam("of_id"),
        TrialRow.state == bindparam("of_state"),
        TrialRow.attempt == bindparam("of_attempt"),
    )
    .values(updated_at=UtcNow())
)
_INSERT_EPOCHS = insert(EpochRow).values(recorded_at=UtcNow())
_NEXT_REVISION = (
    update(StudyRow).values(revision=StudyRow.revision + 1, updated_at=UtcNow()).returning(StudyRow.key)
)
_TOUCH_STUDY = _NEXT_REVISION.where(StudyRow.key == bindparam("of_key"))
_TOUCH_STUDY_OF_TRIAL = _NEXT_REVISION.where(
    StudyRow.key == select(TrialRow.study_key).where(TrialRow.id == bindparam("of_trial")).scalar_subquery()
)

_ROUNDING = 1e-9  # of a solver that samples on a log scale, relative


@dataclass(frozen=True, slots=True)
class UnfinishedTrial:
    """A queued or running trial at the attempt that the dispatcher meant, and the state of its study."""

    id: int
    attempt: int
    study_key: int
    number: int
    state: TrialState
    epochs: int
    crashes: int
    epochs_done: int
    study_state: StudyState

    def move(
        self,
        session: Session,
        state: TrialState,
        *,
        kind: EventKind = EventKind.STATE,
        detail: str | None = None,
        **values: object,
    ) -> TrialState:
        """Compare-and-set to another state, with other columns that go with it, and the event of it.

        Args:
            session: Of the transaction.
            state: The new state, which is returned.
            kind: Of the event.
            detail: Of the event.
            values: Columns.

        Raises:
            RuntimeError: The trial has changed although its study is locked: a fault of the store.
        """
        self._set(
            session,
            {
                "state": state,
                "worker": None,
                "retry_at": None,
                "finished_at": UtcNow() if state.is_final else None,
            }
            | values,
        )
        attempt = values.get("attempt", self.attempt)
        assert isinstance(attempt, int)
        events.record(
            session,
            self.study_key,
            kind,
            trial=self.number,
            attempt=attempt,
            state=state,
            detail=detail,
        )
        return state

    def requeue(self, session: Session, *, retry_at: datetime | None) -> TrialState:
        """Queues it again, not to be started before ``retry_at``; or cancels it if its study has ended."""
        if self.study_state.is_final:
            return self.move(session, TrialState.CANCELLED)
        return self.move(session, TrialState.QUEUED, retry_at=retry_at)

    def lose_worker(
        self, session: Session, error: str | None, *, retry_at: datetime | None, max_crashes: int
    ) -> TrialState:
        """Counts a lost worker and does as :meth:`requeue`, or fails it after more than ``max_crashes``."""
        crashes = self.crashes + 1
        reason = clean_error(error) or "the worker was lost"
        if self.study_state.is_final:
            return self.move(session, TrialState.CANCELLED, crashes=crashes)
        if crashes > max_crashes:
            detail = last_line(reason)
            return self.move(session, TrialState.FAILED, detail=detail, crashes=crashes, error=reason)
        return self.move(
            session,
            TrialState.QUEUED,
            kind=EventKind.RETRY,
            detail=f"{last_line(reason)} (lost {crashes} of at most {max_crashes} times)",
            crashes=crashes,
            retry_at=retry_at,
        )

    def record(self, session: Session, reports: list[EpochReport]) -> None:
        """Inserts epochs."""
        rows = [
            {
                "trial_id": self.id,
                "epoch": report.epoch,
                "attempt": self.attempt,
                "cross_entropy": report.cross_entropy,
                "accuracy": report.accuracy,
                "runtime_ms": report.runtime_ms,
                "seconds": report.seconds,
                "architecture": [*report.architecture],
                "checkpoint": report.checkpoint,
                "gate_margins": report.gate_margins,
            }
            for report in reports
        ]
        session.connection().execute(_INSERT_EPOCHS, rows)
        self._set(session, {})

    def _set(self, session: Session, values: dict[str, object]) -> None:
        changed = session.connection().execute(
            _SET_TRIAL.values(**values) if values else _SET_TRIAL,
            {"of_id": self.id, "of_state": self.state, "of_attempt": self.attempt},
        )
        if changed.rowcount != 1:
            raise RuntimeError(f"trial {self.id} changed although its study is locked")


def find_unfinished(session: Session, trial_id: int, attempt: int) -> UnfinishedTrial | None:
    """The trial, if it is queued or running at this attempt."""
    row = session.connection().execute(_FIND_UNFINISHED, {"id": trial_id, "attempt": attempt}).one_or_none()
    return None if row is None else UnfinishedTrial(trial_id, attempt, *row)


def touch_study(session: Session, key: int, **values: object) -> None:
    """Locks a study, which is there, and gives it its next revision, with other columns that go with it."""
    session.connection().execute(_TOUCH_STUDY.values(**values) if values else _TOUCH_STUDY, {"of_key": key})


def touch_study_of(session: Session, trial_id: int) -> bool:
    """Locks the study of a trial and gives it its next revision. Returns whether there is such a trial."""
    touched = session.connection().execute(_TOUCH_STUDY_OF_TRIAL, {"of_trial": trial_id})
    return touched.first() is not None


def set_study_state(session: Session, row: StudyRow, state: StudyState, **values: object) -> None:
    """Brings a locked study into a state, with the event of it; other columns as in :func:`touch_study`."""
    if state is not row.state:
        error = values.get("error")
        assert error is None or isinstance(error, str)
        events.record(session, row.key, EventKind.STATE, state=state, detail=error)
    if not state.is_active:
        values["shortage"] = None  # nothing waits any more
    touch_study(session, row.key, state=state, **values)


def cancel_queued_trials(session: Session, study_key: int) -> None:
    """Cancels what has not started."""
    events.record_of_queued_trials(session, study_key, TrialState.CANCELLED)
    session.execute(
        update(TrialRow)
        .where(TrialRow.study_key == study_key, TrialRow.state == TrialState.QUEUED)
        .values(state=TrialState.CANCELLED, retry_at=None, finished_at=UtcNow(), updated_at=UtcNow())
        .execution_options(synchronize_session=False)
    )


def check_suggestion(study: StudyRow, suggestion: Suggestion) -> None:
    """Raises ValueError if a suggestion is outside its study's ranges."""
    low, high = study.lambda_low * (1 - _ROUNDING), study.lambda_high * (1 + _ROUNDING)
    hinge = suggestion.hinge_target_ms
    if not (
        low <= suggestion.lambda_ <= high
        and study.epochs_min <= suggestion.epochs <= study.epochs_max
        and (hinge is None or 0 < hinge < math.inf)
    ):
        raise ValueError(
            f"{suggestion} is outside the study's ranges: lambda {study.lambda_low:g} to "
            f"{study.lambda_high:g}, epochs {study.epochs_min} to {study.epochs_max}, positive target"
        )


def check_report(report: EpochReport, epochs: int) -> None:
    """Raises ValueError if an epoch cannot be one of a trial of so many epochs."""
    if not (
        1 <= report.epoch <= epochs
        and 0 <= report.cross_entropy < math.inf
        and 0 <= report.accuracy <= 1
        and 0 < report.runtime_ms < math.inf
        and 0 <= report.seconds < math.inf
        and all(map(math.isfinite, itertools.chain.from_iterable(report.gate_margins or ())))
    ):
        raise ValueError(f"an epoch of a trial of {epochs} epochs cannot be {report}")


def clean_error(error: str | None) -> str | None:
    """An error's text as it can be stored."""
    return None if error is None else clean_text(error)


def last_line(text: str | None) -> str:
    """Where the message of a traceback stands."""
    return next(reversed((text or "").strip().splitlines()), "").strip()[-500:]
