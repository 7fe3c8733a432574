"""Takes the outcome of an identical trial instead of running it again."""

from sqlalchemy import Connection, func, insert, literal, select, update

from service.db.columns import UtcNow
from service.db.models import EpochRow, StudyRow, TrialRow
from service.domain.provenance import TrialOrigin
from service.domain.records import TrialRecord
from service.domain.states import TrialState

_TAKEN = (
    "epoch",
    "attempt",
    "cross_entropy",
    "accuracy",
    "runtime_ms",
    "seconds",
    "architecture",
    "gate_margins",
)


def take_outcome(connection: Connection, trial: TrialRecord) -> TrialOrigin | None:
    """Completes a new trial, whose study is locked, with the epochs of a completed one of the same identity.

    The epochs are copied, so the source may be deleted later. They are marked by the trial's origin and count
    as spent in no study but the one that ran them. Checkpoints stay with the trial that wrote them.

    Returns:
        The trial that once ran, or None where there is none.
    """
    found = connection.execute(
        select(
            TrialRow.id,
            func.coalesce(TrialRow.reused_study_id, StudyRow.id),
            func.coalesce(TrialRow.reused_number, TrialRow.number),
            TrialRow.versions,
        )
        .join(StudyRow, StudyRow.key == TrialRow.study_key)
        .where(
            TrialRow.identity == trial.identity,
            TrialRow.state == TrialState.COMPLETED,
            TrialRow.id != trial.id,
        )
        .order_by(TrialRow.id)
        .limit(1)
    ).one_or_none()
    if found is None:
        return None
    source_id, study_id, number, versions = found
    columns = [getattr(EpochRow, name) for name in _TAKEN]
    copied = connection.execute(
        insert(EpochRow)
        .from_select(
            ["trial_id", "recorded_at", *_TAKEN],
            select(literal(trial.id, EpochRow.trial_id.type), UtcNow(), *columns)
            .where(EpochRow.trial_id == source_id)
            .order_by(EpochRow.epoch),
        )
        .execution_options(preserve_rowcount=True)
    )
    if copied.rowcount != trial.epochs:  # its study was deleted in this moment, and all its epochs with it
        return None
    now = connection.execute(select(UtcNow())).scalar_one()
    connection.execute(
        update(TrialRow)
        .where(TrialRow.id == trial.id)
        .values(
            state=TrialState.COMPLETED,
            versions=versions,
            reused_study_id=study_id,
            reused_number=number,
            started_at=now,
            finished_at=now,
            updated_at=now,
        )
    )
    return TrialOrigin(study_id, number)
