"""What the dispatcher writes: the lease, and the life of trials. Nobody else writes trials.

Every write verifies the lease, locks the trial's study and changes the trial by compare-and-set on (state,
attempt), all in one transaction. So a dispatcher that was replaced, a worker that was given up and a message
that comes twice change nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from sqlalchemy import Connection

from nas_worker.job import EpochReport
from service.db import events
from service.db import lease as leases
from service.db.adding import add_trial
from service.db.dispatch_studies import DispatchStudies
from service.db.transitions import (
    UnfinishedTrial,
    check_report,
    clean_error,
    last_line,
    touch_unfinished,
)
from service.domain.events import EventKind
from service.domain.provenance import Provenance
from service.domain.records import Lease, TrialRecord
from service.domain.states import TrialState
from solver.base import Suggestion

T = TypeVar("T")


class Dispatch(DispatchStudies):
    """The dispatcher's part of the store. Writes raise LeaseLostError once the lease is lost."""

    def acquire_lease(self, owner: str, ttl_seconds: float) -> Lease | None:
        """Takes the right to dispatch, for a time.

        Expiry is by the database's clock. A dispatcher that reckons when to renew does so from the moment
        before this call, on a monotonic clock of its own.

        Args:
            owner: Unique to the process: an owner that asks again keeps its lease and fence while it lasts.
            ttl_seconds: How long it lasts unless renewed.

        Returns:
            The lease, or None while another owner holds it. Each new holder has a higher fence than the last.
        """
        with self._database.changing() as connection:
            return leases.acquire(connection, owner, ttl_seconds)

    def renew_lease(self, lease: Lease, ttl_seconds: float) -> Lease:
        """Extends the lease by ``ttl_seconds`` from now.

        Raises:
            LeaseLostError: It ran out or was taken over; acquire it anew.
        """
        with self._database.changing() as connection:
            return leases.renew(connection, lease, ttl_seconds)

    def release_lease(self, lease: Lease) -> None:
        """Lets another dispatcher take over at once. Does nothing if the lease is lost already."""
        with self._database.changing() as connection:
            leases.release(connection, lease)

    def add_trial(
        self,
        lease: Lease,
        study_id: str,
        suggestion: Suggestion,
        provenance: Provenance | None = None,
        versions: Mapping[str, str] = MappingProxyType({}),
    ) -> TrialRecord | None:
        """Queues the study's next trial and reserves its epochs.

        If the study allows it and an identical trial has completed, the new one is complete at once with that
        one's outcome, at no cost.

        Args:
            lease: The dispatcher's.
            study_id: The study.
            suggestion: The trial.
            provenance: What it would run with; None: not known, so it is never taken for another one.
            versions: And with which software; without it the trial is never taken for another one either.

        Returns:
            The trial, or None if the study is no longer active or has too little budget left.

        Raises:
            LeaseLostError: Nothing was written.
            ValueError: The suggestion is outside the study's ranges: a fault of the solver.
        """
        with self._database.changing() as connection:
            trial = add_trial(
                connection, lease, study_id, suggestion, provenance=provenance, versions=versions
            )
            if trial is None:
                connection.rollback()
            return trial

    def start_trial(
        self,
        lease: Lease,
        trial_id: int,
        attempt: int,
        worker: str,
        *,
        provenance: Provenance | None = None,
        identity: str | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> TrialRecord | None:
        """Claims a queued trial for a worker. The new attempt's number fences all earlier attempts.

        Args:
            lease: The dispatcher's.
            trial_id: The trial.
            attempt: Of the queued trial; the started one has the next.
            worker: Name of the actor.
            provenance: What this attempt runs with.
            identity: See :class:`TrialRecord`.
            versions: Of the worker's packages, by name.

        Returns:
            The running trial, or None if it is not queued at this attempt or its study is not active.

        Raises:
            LeaseLostError: Nothing was written.
        """

        def start(connection: Connection, trial: UnfinishedTrial) -> TrialRecord | None:
            if trial.state is not TrialState.QUEUED or not trial.study_state.is_active:
                return None
            return trial.start(
                connection,
                worker,
                platform_hash=None if provenance is None else provenance.platform_hash,
                code_version=None if provenance is None else provenance.code_version,
                dataset_fingerprint=None if provenance is None else provenance.dataset_fingerprint,
                identity=identity,
                versions=None if versions is None else {**versions},
            )

        return self._change(lease, trial_id, attempt, start)

    def record_epochs(self, lease: Lease, trial_id: int, attempt: int, reports: Sequence[EpochReport]) -> int:
        """Records the epochs that follow the last recorded one without a gap, in any order given.

        Epochs that are recorded already stay as they are: a worker may send all it has, and again.

        Returns:
            How many were recorded; 0 if the trial is not running at this attempt.

        Raises:
            LeaseLostError: Nothing was written.
            ValueError: A report is beyond the trial's epochs or has an impossible value: a fault of the
                worker. Nothing was written.
        """

        def record(connection: Connection, trial: UnfinishedTrial) -> int | None:
            if trial.state is not TrialState.RUNNING:
                return None
            new: list[EpochReport] = []
            for report in sorted(reports, key=lambda report: report.epoch):
                check_report(report, trial.epochs)
                if report.epoch == trial.epochs_done + len(new) + 1:
                    new.append(report)
            if not new:
                return None
            trial.record(connection, new)
            return len(new)

        return self._change(lease, trial_id, attempt, record) or 0

    def complete_trial(self, lease: Lease, trial_id: int, attempt: int) -> bool:
        """Completes a running trial; its last epoch is its outcome.

        Returns:
            Whether it was running at this attempt.

        Raises:
            LeaseLostError: Nothing was written.
            ValueError: Epochs are missing: a fault of the dispatcher.
        """

        def complete(connection: Connection, trial: UnfinishedTrial) -> bool | None:
            if trial.state is not TrialState.RUNNING:
                return None
            if trial.epochs_done != trial.epochs:
                raise ValueError(
                    f"trial {trial_id} cannot complete: {trial.epochs_done} of {trial.epochs} epochs recorded"
                )
            trial.move(connection, TrialState.COMPLETED)
            return True

        return self._change(lease, trial_id, attempt, complete) is not None

    def fail_trial(self, lease: Lease, trial_id: int, attempt: int, error: str) -> bool:
        """Fails a queued or running trial for good; the epochs that it has recorded stay spent.

        Returns:
            Whether it was queued or running at this attempt.

        Raises:
            LeaseLostError: Nothing was written.
        """

        def fail(connection: Connection, trial: UnfinishedTrial) -> bool:
            reason = clean_error(error)
            trial.move(connection, TrialState.FAILED, detail=last_line(reason), error=reason)
            return True

        return self._change(lease, trial_id, attempt, fail) is not None

    def requeue_trial(
        self,
        lease: Lease,
        trial_id: int,
        attempt: int,
        *,
        crashed: bool,
        error: str | None = None,
        retry_at: datetime | None = None,
        max_crashes: int = 3,
    ) -> TrialState | None:
        """Takes a running trial from its worker; it waits to go on from its last recorded epoch.

        Args:
            lease: The dispatcher's.
            trial_id: The trial.
            attempt: That was running.
            crashed: Whether the worker was lost. A trial that loses more than ``max_crashes`` fails.
            error: Why, should it fail.
            retry_at: Not to be started before; none: at once.
            max_crashes: See ``crashed``.

        Returns:
            queued; failed after too many crashes; cancelled if the study has ended; None if the trial was not
            running at this attempt.

        Raises:
            LeaseLostError: Nothing was written.
        """

        def requeue(connection: Connection, trial: UnfinishedTrial) -> TrialState | None:
            if trial.state is not TrialState.RUNNING:
                return None
            if not crashed:
                return trial.requeue(connection, retry_at=retry_at)
            return trial.lose_worker(connection, error, retry_at=retry_at, max_crashes=max_crashes)

        return self._change(lease, trial_id, attempt, requeue)

    def cancel_trial(self, lease: Lease, trial_id: int, attempt: int) -> bool:
        """Cancels a queued or running trial; the epochs that it has recorded stay spent.

        Returns:
            Whether it was queued or running at this attempt.

        Raises:
            LeaseLostError: Nothing was written.
        """

        def cancel(connection: Connection, trial: UnfinishedTrial) -> bool:
            trial.move(connection, TrialState.CANCELLED)
            return True

        return self._change(lease, trial_id, attempt, cancel) is not None

    def note_adoption(self, lease: Lease, trial_id: int, attempt: int) -> bool:
        """Remembers that this dispatcher took over a running trial whose worker went on.

        Args:
            lease: The dispatcher's, whose owner is named in the event.
            trial_id: The trial.
            attempt: That its worker runs.

        Returns:
            Whether it is running at this attempt.

        Raises:
            LeaseLostError: Nothing was written.
        """

        def note(connection: Connection, trial: UnfinishedTrial) -> bool | None:
            if trial.state is not TrialState.RUNNING:
                return None
            by = f"by {lease.owner}"
            adopted = EventKind.ADOPTED
            events.record(
                connection, trial.study_key, adopted, trial=trial.number, attempt=attempt, detail=by
            )
            return True

        return self._change(lease, trial_id, attempt, note) is not None

    def _change(
        self,
        lease: Lease,
        trial_id: int,
        attempt: int,
        change: Callable[[Connection, UnfinishedTrial], T | None],
    ) -> T | None:
        """Runs one change of an unfinished trial; without a result from it nothing is written."""
        with self._database.changing() as connection:
            trial = touch_unfinished(connection, lease, trial_id, attempt)
            result = None if trial is None else change(connection, trial)
            if result is None:
                connection.rollback()
            return result
