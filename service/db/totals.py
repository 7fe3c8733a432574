"""Counts over the whole database, for monitoring."""

from sqlalchemy import func, select

from service.db.models import EpochRow, StudyRow, TrialRow
from service.db.session import Database
from service.domain.records import Totals
from service.domain.states import StudyState, TrialState


def totals(database: Database) -> Totals:
    """Studies and trials by state, and epochs: three queries on one snapshot."""
    with database.reading() as session:
        studies = session.execute(select(StudyRow.state, func.count()).group_by(StudyRow.state)).all()
        trials = session.execute(select(TrialRow.state, func.count()).group_by(TrialRow.state)).all()
        epochs = session.scalars(select(func.count()).select_from(EpochRow)).one()
    return Totals(
        studies=dict.fromkeys(StudyState, 0) | dict(studies),
        trials=dict.fromkeys(TrialState, 0) | dict(trials),
        epochs=epochs,
    )
