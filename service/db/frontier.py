"""The accuracy-runtime frontier of trials across studies."""

from sqlalchemy import ColumnElement, and_, func, or_, select

from service.db.derive import select_trials, trial_record
from service.db.models import EpochRow, StudyRow, TrialRow
from service.db.session import Database
from service.domain.records import TrialRecord
from service.domain.states import TrialState


def frontier(
    database: Database, *, platform: str, dataset: str, epochs: int | None = None
) -> tuple[TrialRecord, ...]:
    """Completed trials that no other one beats in accuracy without being slower; by rising runtime.

    For any target the trial with the highest Eq. 19 is among them. Of equal ones the oldest counts, so a
    retargeted study's copies do not come again.

    Args:
        database: Where the trials are.
        platform: Of the studies that the trials are of.
        dataset: Likewise.
        epochs: Only trials of so many; none: all.
    """
    among = [
        StudyRow.platform == platform,
        StudyRow.search["dataset"].as_string() == dataset,
        TrialRow.state == TrialState.COMPLETED,
    ]
    if epochs is not None:
        among.append(TrialRow.epochs == epochs)
    best = select(TrialRow.id, EpochRow.accuracy, _best_so_far().label("before"))
    outcomes = (
        best.join(StudyRow, StudyRow.key == TrialRow.study_key)
        .join(EpochRow, and_(EpochRow.trial_id == TrialRow.id, EpochRow.epoch == TrialRow.epochs))
        .where(*among)
        .subquery()
    )
    is_ahead = or_(outcomes.c.before.is_(None), outcomes.c.accuracy > outcomes.c.before)
    ahead = select(outcomes.c.id).where(is_ahead)
    with database.reading() as session:
        rows = session.execute(select_trials().where(TrialRow.id.in_(ahead)))
        return tuple(sorted(map(trial_record, rows), key=lambda trial: trial.runtime_ms or 0.0))


def _best_so_far() -> ColumnElement[float]:
    """The highest accuracy of the trials that are as fast or faster."""
    return func.max(EpochRow.accuracy).over(
        order_by=(EpochRow.runtime_ms, EpochRow.accuracy.desc(), TrialRow.id), rows=(None, -1)
    )
