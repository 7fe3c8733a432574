"""One change of one trial, inside a transaction that has locked its study."""

import itertools
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, inspect, select, update

from nas_worker.job import EpochReport
from service.db import events
from service.db import lease as leases
from service.db.columns import UtcNow
from service.db.derive import EPOCHS_DONE, trial_record, written_trial
from service.db.engine import to_json
from service.db.models import EpochRow, StudyRow, TrialRow
from service.db.prepared import Prepared
from service.db.statements import clean_text
from service.domain.events import EventKind
from service.domain.records import Lease, TrialRecord
from service.domain.states import StudyState, TrialState
from solver.base import Suggestion

# Built once, and executed on a connection: to build a statement, or what a session adds to it, costs more
# than to send it.
_OF_TRIAL = (
    TrialRow.id == bindparam("of_id"),
    TrialRow.attempt == bindparam("of_attempt"),
)
_TOUCH_UNFINISHED = Prepared(
    update(TrialRow)
    .where(*_OF_TRIAL, TrialRow.finished_at.is_(None))
    .values(updated_at=UtcNow())
    .returning(TrialRow.number, TrialRow.state, TrialRow.epochs, TrialRow.crashes, EPOCHS_DONE)
)
_SET_TRIAL = update(TrialRow).where(*_OF_TRIAL, TrialRow.state == bindparam("of_state"))
_ID_OF_STUDY = (
    select(StudyRow.id).where(StudyRow.key == TrialRow.study_key).correlate(TrialRow).scalar_subquery()
)
_START_TRIAL = _SET_TRIAL.values(
    started_at=func.coalesce(TrialRow.started_at, UtcNow()), attempt_started_at=UtcNow()
).returning(*written_trial(_ID_OF_STUDY, EPOCHS_DONE))
_END_TRIAL = _SET_TRIAL.values(finished_at=UtcNow())
_INSERT_EPOCH = Prepared(
    insert(EpochRow).values(recorded_at=UtcNow()),
    columns=[column.key for column in inspect(EpochRow).columns if column.key != "recorded_at"],
)
_CHANGED_STUDY = update(StudyRow).values(revision=StudyRow.revision + 1, updated_at=UtcNow())
_NEXT_REVISION = _CHANGED_STUDY.returning(StudyRow.key, StudyRow.state)
_TOUCH_STUDY = _NEXT_REVISION.where(StudyRow.key == bindparam("of_key"))
_TOUCH_ACTIVE_STUDY = _CHANGED_STUDY.where(
    StudyRow.id == bindparam("of_study"),
    StudyRow.state.in_([state for state in StudyState if state.is_active]),
    leases.HELD,
).returning(*inspect(StudyRow).columns)
_STUDY_OF_TRIAL = select(TrialRow.study_key).where(TrialRow.id == bindparam("of_trial")).scalar_subquery()
_TOUCH_STUDY_OF_TRIAL = Prepared(_NEXT_REVISION.where(StudyRow.key == _STUDY_OF_TRIAL, leases.HELD))

_ROUNDING = 1e-9  # of a solver that samples on a log scale, relative


@dataclass(frozen=True, slots=True)
class UnfinishedTrial:
    """A queued or running trial at the attempt that the dispatcher meant, and the state of its study."""

    id: int
    attempt: int
    study_key: int
    study_state: StudyState
    number: int
    state: TrialState
    epochs: int
    crashes: int
    epochs_done: int

    def move(
        self,
        connection: Connection,
        state: TrialState,
        *,
        kind: EventKind = EventKind.STATE,
        detail: str | None = None,
        **values: object,
    ) -> TrialState:
        """Compare-and-set to another state, with other columns that go with it, and the event of it.

        Args:
            connection: Of the transaction.
            state: The new state, which is returned; not running, see :meth:`start`.
            kind: Of the event.
            detail: Of the event.
            values: Columns.

        Raises:
            RuntimeError: The trial has changed although its study is locked: a fault of the store.
        """
        statement = _END_TRIAL if state.is_final else _SET_TRIAL
        columns = {"state": state, "worker": None, "retry_at": None} | values
        if connection.execute(statement, columns | self._key).rowcount != 1:
            raise self._changed()
        events.record(
            connection,
            self.study_key,
            kind,
            trial=self.number,
            attempt=self.attempt,
            state=state,
            detail=detail,
        )
        return state

    def start(self, connection: Connection, worker: str, **values: object) -> TrialRecord:
        """As :meth:`move`, to the running state of the next attempt, on a worker."""
        attempt = self.attempt + 1
        columns = {"state": TrialState.RUNNING, "worker": worker, "retry_at": None, "attempt": attempt}
        row = connection.execute(_START_TRIAL, columns | values | self._key).one_or_none()
        if row is None:
            raise self._changed()
        events.record(
            connection,
            self.study_key,
            EventKind.STATE,
            trial=self.number,
            attempt=attempt,
            state=TrialState.RUNNING,
            detail=worker,
        )
        return trial_record(row)

    def requeue(self, connection: Connection, *, retry_at: datetime | None) -> TrialState:
        """Queues it again, not to be started before ``retry_at``; or cancels it if its study has ended."""
        if self.study_state.is_final:
            return self.move(connection, TrialState.CANCELLED)
        return self.move(connection, TrialState.QUEUED, retry_at=retry_at)

    def lose_worker(
        self, connection: Connection, error: str | None, *, retry_at: datetime | None, max_crashes: int
    ) -> TrialState:
        """Counts a lost worker and does as :meth:`requeue`, or fails it after more than ``max_crashes``."""
        crashes = self.crashes + 1
        reason = clean_error(error) or "the worker was lost"
        if self.study_state.is_final:
            return self.move(connection, TrialState.CANCELLED, crashes=crashes)
        if crashes > max_crashes:
            detail = last_line(reason)
            return self.move(connection, TrialState.FAILED, detail=detail, crashes=crashes, error=reason)
        return self.move(
            connection,
            TrialState.QUEUED,
            kind=EventKind.RETRY,
            detail=f"{last_line(reason)} (lost {crashes} of at most {max_crashes} times)",
            crashes=crashes,
            retry_at=retry_at,
        )

    def record(self, connection: Connection, reports: list[EpochReport]) -> None:
        """Inserts epochs."""
        for report in reports:
            margins = report.gate_margins
            columns = {
                "trial_id": self.id,
                "epoch": report.epoch,
                "attempt": self.attempt,
                "cross_entropy": report.cross_entropy,
                "accuracy": report.accuracy,
                "runtime_ms": report.runtime_ms,
                "seconds": report.seconds,
                "architecture": to_json(report.architecture),
                "checkpoint": report.checkpoint,
                "gate_margins": None if margins is None else to_json(margins),
            }
            _INSERT_EPOCH.execute(connection, columns)

    @property
    def _key(self) -> dict[str, object]:
        return {"of_id": self.id, "of_state": self.state, "of_attempt": self.attempt}

    def _changed(self) -> RuntimeError:
        return RuntimeError(f"trial {self.id} changed although its study is locked")


def touch_unfinished(
    connection: Connection, lease: Lease, trial_id: int, attempt: int
) -> UnfinishedTrial | None:
    """Locks the lease, a study and its trial; the study gets its next revision, both a new time of change.

    Returns:
        The trial, or None if it is not queued or running at this attempt: then roll back.

    Raises:
        LeaseLostError: It ran out or was taken over.
    """
    studies = _TOUCH_STUDY_OF_TRIAL.execute(connection, {"of_trial": trial_id} | leases.key(lease))
    if not studies:
        leases.verify(connection, lease)
        return None
    trials = _TOUCH_UNFINISHED.execute(connection, {"of_id": trial_id, "of_attempt": attempt})
    if not trials:
        return None
    [(study_key, study_state)], [(number, state, epochs, crashes, epochs_done)] = studies, trials
    return UnfinishedTrial(
        id=trial_id,
        attempt=attempt,
        study_key=study_key,
        study_state=StudyState(study_state),
        number=number,
        state=TrialState(state),
        epochs=epochs,
        crashes=crashes,
        epochs_done=epochs_done,
    )


def touch_active_study(connection: Connection, lease: Lease, study_id: str) -> Row[*tuple[Any, ...]] | None:
    """Locks the lease and a study, and gives the study its next revision and a new time of change.

    Returns:
        All columns of the study, or None if it is not pending or running.

    Raises:
        LeaseLostError: It ran out or was taken over.
    """
    study = connection.execute(_TOUCH_ACTIVE_STUDY, {"of_study": study_id} | leases.key(lease)).one_or_none()
    if study is None:
        leases.verify(connection, lease)
    return study


def touch_study(connection: Connection, key: int, **values: object) -> None:
    """Locks a study, which is there, and gives it its next revision, with other columns that go with it."""
    connection.execute(_TOUCH_STUDY, {"of_key": key} | values)


def set_study_state(
    connection: Connection, row: StudyRow | Row[*tuple[Any, ...]], state: StudyState, **values: object
) -> None:
    """Brings a locked study into a state, with the event of it; other columns as in :func:`touch_study`."""
    if state is not row.state:
        error = values.get("error")
        assert error is None or isinstance(error, str)
        events.record(connection, row.key, EventKind.STATE, state=state, detail=error)
    if not state.is_active:
        values["shortage"] = None  # nothing waits any more
    touch_study(connection, row.key, state=state, **values)


def cancel_queued_trials(connection: Connection, study_key: int) -> None:
    """Cancels what has not started."""
    events.record_of_queued_trials(connection, study_key, TrialState.CANCELLED)
    connection.execute(
        update(TrialRow)
        .where(TrialRow.study_key == study_key, TrialRow.state == TrialState.QUEUED)
        .values(state=TrialState.CANCELLED, retry_at=None, finished_at=UtcNow(), updated_at=UtcNow())
    )


def check_suggestion(study: StudyRow | Row[*tuple[Any, ...]], suggestion: Suggestion) -> None:
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
