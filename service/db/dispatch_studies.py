"""What the dispatcher changes of studies: it ends them, says what they lack, and forgets deleted ones."""

from sqlalchemy import delete, select

from service.db import events
from service.db import lease as leases
from service.db.derive import UNFINISHED, study_records, usage_of
from service.db.dispatch_reading import DispatchReading
from service.db.models import DeletedStudyRow, StudyRow
from service.db.session import Database
from service.db.transitions import cancel_queued_trials, clean_error, set_study_state, touch_study
from service.db.webhooks import enqueue
from service.domain.events import EventKind
from service.domain.records import Lease
from service.domain.states import StudyState


class DispatchStudies(DispatchReading):
    """The dispatcher's part of the store, as far as it is about studies."""

    def __init__(self, database: Database, *, notifies: bool = False) -> None:
        super().__init__(database)
        self._notifies = notifies

    def finish_study(
        self,
        lease: Lease,
        study_id: str,
        state: StudyState,
        error: str | None = None,
        *,
        if_budget_epochs: int | None = None,
    ) -> bool:
        """Ends a pending or running study. A failed or cancelled one takes its queued trials with it.

        Args:
            lease: The dispatcher's.
            study_id: The study.
            state: Its final state.
            error: Why it failed.
            if_budget_epochs: Only if its budget is still this one; None: whatever its budget.

        Returns:
            Whether it has ended now: not if it was not active, nor if it should complete while a trial is
            queued or running, nor with another budget.

        Raises:
            LeaseLostError: Nothing was written.
            ValueError: The state is not final.
        """
        if not state.is_final:
            raise ValueError(f"a study ends completed, cancelled or failed, not {state}")
        with self._database.writing() as session:
            leases.verify(session.connection(), lease)
            study = session.scalar(select(StudyRow).where(StudyRow.id == study_id).with_for_update())
            if study is None or not study.state.is_active:
                return False
            if if_budget_epochs not in (None, study.budget_epochs):
                return False
            counts = usage_of(session, [study.key])[study.key].trial_counts
            if state is StudyState.COMPLETED and any(counts[unfinished] for unfinished in UNFINISHED):
                return False
            cancel_queued_trials(session.connection(), study.key)
            set_study_state(session.connection(), study, state, error=clean_error(error))
            if self._notifies and state is not StudyState.CANCELLED:
                session.refresh(study)
                enqueue(session, study_records(session, [study])[0])
            return True

    def set_shortage(self, lease: Lease, study_id: str, shortage: str | None) -> None:
        """Says what the engine lacks for the trials of an active study; None: nothing any more.

        Raises:
            LeaseLostError: Nothing was written.
        """
        with self._database.writing() as session:
            leases.verify(session.connection(), lease)
            study = session.scalar(select(StudyRow).where(StudyRow.id == study_id).with_for_update())
            if study is None or not study.state.is_active or study.shortage == shortage:
                return
            detail = shortage or "the engine has now what its trials ask for"
            events.record(session.connection(), study.key, EventKind.WARNING, detail=detail)
            touch_study(session.connection(), study.key, shortage=shortage)

    def forget_deleted_study(self, lease: Lease, study_id: str) -> None:
        """Says that the checkpoints of a deleted study are gone.

        Raises:
            LeaseLostError: Nothing was written.
        """
        with self._database.writing() as session:
            leases.verify(session.connection(), lease)
            session.execute(delete(DeletedStudyRow).where(DeletedStudyRow.id == study_id))
