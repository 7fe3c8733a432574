"""What the dispatcher reads."""

from collections.abc import Mapping

from sqlalchemy import select

from service.db.columns import UtcNow
from service.db.derive import UNFINISHED, select_trials, study_records, trial_record
from service.db.models import DeletedStudyRow, EpochRow, LeaseRow, StudyRow, TrialRow
from service.db.session import Database
from service.domain.records import StudyRecord, TrialRecord
from service.domain.states import StudyState, TrialState


class DispatchReading:
    """The reading half of the dispatcher's part of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def deployment_id(self) -> str:
        """A name of this database, the same for ever; tells its workers from others' on a shared cluster."""
        with self._database.reading() as session:
            return session.scalars(select(LeaseRow.deployment_id)).one()

    def lease_holder(self) -> str | None:
        """Who may dispatch now, by the database's clock; None: nobody."""
        with self._database.reading() as session:
            return session.scalars(select(LeaseRow.owner).where(LeaseRow.expires_at > UtcNow())).one_or_none()

    def active_studies(self) -> tuple[StudyRecord, ...]:
        """Studies that are pending or running, oldest first."""
        active = [state for state in StudyState if state.is_active]
        with self._database.reading() as session:
            rows = session.scalars(select(StudyRow).where(StudyRow.state.in_(active)).order_by(StudyRow.key))
            return study_records(session, rows.all())

    def unfinished_trials(self) -> tuple[TrialRecord, ...]:
        """Queued and running trials of all studies, oldest first."""
        unfinished = select_trials().where(TrialRow.state.in_(UNFINISHED)).order_by(TrialRow.id)
        with self._database.reading() as session:
            return tuple(map(trial_record, session.execute(unfinished)))

    def overdue_trials(self) -> Mapping[int, float]:
        """Running trials whose attempt has lasted longer than their study allows, by the database's clock.

        Returns:
            The study's ``trial_timeout_seconds`` by the trial's id.
        """
        limited = (
            select(TrialRow.id, StudyRow.trial_timeout_seconds, TrialRow.attempt_started_at, UtcNow())
            .join(StudyRow, StudyRow.key == TrialRow.study_key)
            .where(TrialRow.state == TrialState.RUNNING, StudyRow.trial_timeout_seconds.is_not(None))
        )
        with self._database.reading() as session:
            return {
                trial_id: limit
                for trial_id, limit, started_at, now in session.execute(limited)
                if limit is not None and started_at is not None and (now - started_at).total_seconds() > limit
            }

    def last_checkpoint(self, trial_id: int) -> tuple[int, str | None]:
        """(number of the last recorded epoch, its checkpoint); (0, None) before the first."""
        with self._database.reading() as session:
            row = session.execute(
                select(EpochRow.epoch, EpochRow.checkpoint)
                .where(EpochRow.trial_id == trial_id)
                .order_by(EpochRow.epoch.desc())
                .limit(1)
            ).one_or_none()
            return (0, None) if row is None else (row.epoch, row.checkpoint)

    def deleted_studies(self) -> tuple[str, ...]:
        """Ids of deleted studies whose checkpoints may still be there."""
        with self._database.reading() as session:
            return tuple(session.scalars(select(DeletedStudyRow.id)))
