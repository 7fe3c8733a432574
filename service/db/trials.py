"""Trials and their epochs in the store, to read."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import BigInteger, ColumnElement, Double, and_, case, func, literal, or_, select, tuple_

from service.db.derive import (
    TrialSelect,
    epoch_record,
    reward_of_outcome,
    select_trials,
    trial_record,
    trial_summaries,
)
from service.db.frontier import frontier
from service.db.models import EpochRow, TrialRow
from service.db.paging import Key, check_page_size, make_page, read_token
from service.db.session import Database
from service.db.statements import find_study
from service.domain.errors import InvalidFieldError, NotFoundError
from service.domain.records import EpochRecord, Page, TrialRecord, TrialSummary
from service.domain.states import TrialState

TrialOrder = Literal["number", "reward", "lambda"]

_NO_OUTCOME = -1.0  # below every reward, so that trials without an outcome come last
_LARGEST_NUMBER = 2**31 - 1


class Trials:
    """Trials and epochs. Only the dispatcher writes them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self,
        study_id: str,
        *,
        states: Sequence[TrialState] = (),
        updated_since: datetime | None = None,
        order_by: TrialOrder = "number",
        page_size: int = 50,
        page_token: str | None = None,
    ) -> Page[TrialRecord]:
        """Trials of a study.

        Args:
            study_id: The study.
            states: Only these; none: all.
            updated_since: Only those that changed at this time or later. What changes later has a later or
                an equal time, so with the latest ``updated_at`` that a reader has, no change is missed.
            order_by: ``number`` and ``lambda`` ascend; ``reward``: best first, those without an outcome last.
            page_size: Most trials on the page, up to 1000.
            page_token: ``next_page_token`` of the page before, with the same filters and order.

        Raises:
            NotFoundError: There is no such study.
            InvalidFieldError: Of ``page_size``, ``page_token``, or ``updated_since`` without a time zone.
        """
        check_page_size(page_size)
        if updated_since is not None and updated_since.tzinfo is None:
            raise InvalidFieldError("updated_since", "updated_since needs a time zone, such as a final Z")
        list_id = ("trials", study_id, sorted(states), updated_since, order_by)
        last = None
        if page_token is not None:
            last = read_token(page_token, list_id, (int,) if order_by == "number" else (float, int))
        statement = _ordered(select_trials(), order_by, last).limit(page_size + 1)
        if states:
            statement = statement.where(TrialRow.state.in_(states))
        if updated_since is not None:
            statement = statement.where(TrialRow.updated_at >= updated_since)
        with self._database.reading() as session:
            study = find_study(session, study_id)
            rows = session.execute(statement.where(TrialRow.study_key == study.key)).all()
            trials = [trial_record(row) for row in rows]
        return make_page(trials, page_size, list_id, lambda trial: _key_of(trial, order_by))

    def get(self, study_id: str, number: int) -> TrialRecord:
        """A trial of a study by its number.

        Raises:
            NotFoundError: There is no such study or trial.
        """
        with self._database.reading() as session:
            study = find_study(session, study_id)
            row = None
            if 0 <= number <= _LARGEST_NUMBER:
                trial = and_(TrialRow.study_key == study.key, TrialRow.number == number)
                row = session.execute(select_trials().where(trial)).one_or_none()
            if row is None:
                raise NotFoundError(f"the study {study_id!r} has no trial {number}")
            return trial_record(row)

    def epochs(self, study_id: str, number: int) -> tuple[EpochRecord, ...]:
        """The recorded epochs of a trial, in order.

        Raises:
            NotFoundError: There is no such study or trial.
        """
        trial = self.get(study_id, number)
        with self._database.reading() as session:
            rows = session.scalars(
                select(EpochRow).where(EpochRow.trial_id == trial.id).order_by(EpochRow.epoch)
            )
            return tuple(map(epoch_record, rows))

    def history(self, study_id: str) -> tuple[TrialRecord, ...]:
        """All trials of a study by number.

        Raises:
            NotFoundError: There is no such study.
        """
        with self._database.reading() as session:
            study = find_study(session, study_id)
            of_study = select_trials().where(TrialRow.study_key == study.key)
            return tuple(map(trial_record, session.execute(of_study.order_by(TrialRow.number))))

    def summaries(self, study_id: str) -> tuple[TrialSummary, ...]:
        """All trials of a study by number, in a few times less time than :meth:`history`.

        Raises:
            NotFoundError: There is no such study.
        """
        with self._database.reading() as session:
            return trial_summaries(session, find_study(session, study_id).key)

    def frontier(self, *, platform: str, dataset: str, epochs: int | None = None) -> tuple[TrialRecord, ...]:
        """The accuracy-runtime frontier across studies; see :func:`service.db.frontier.frontier`."""
        return frontier(self._database, platform=platform, dataset=dataset, epochs=epochs)

    def epochs_of_study(self, study_id: str) -> tuple[tuple[int, EpochRecord], ...]:
        """(number of the trial, epoch) for all epochs of a study, in the order in which they were recorded.

        Raises:
            NotFoundError: There is no such study.
        """
        with self._database.reading() as session:
            study = find_study(session, study_id)
            rows = session.execute(
                select(TrialRow.number, EpochRow)
                .join(EpochRow, EpochRow.trial_id == TrialRow.id)
                .where(TrialRow.study_key == study.key)
                .order_by(EpochRow.recorded_at, TrialRow.number, EpochRow.epoch)
            )
            return tuple((number, epoch_record(row)) for number, row in rows)

    def spent_when_done(self, study_id: str) -> dict[int, int]:
        """Epochs that the study had spent when each trial recorded its latest one, by number of the trial.

        These are positions in :meth:`epochs_of_study`, where epochs of reused trials take no room; counted
        in the database, which is faster.

        Raises:
            NotFoundError: There is no such study.
        """
        order = (EpochRow.recorded_at, TrialRow.number, EpochRow.epoch)
        is_spent = case((TrialRow.reused_study_id.is_(None), 1), else_=0)
        place = func.sum(is_spent).over(order_by=order, rows=(None, 0))
        with self._database.reading() as session:
            study = find_study(session, study_id)
            placed = (
                select(TrialRow.number, place.label("place"))
                .join(EpochRow, EpochRow.trial_id == TrialRow.id)
                .where(TrialRow.study_key == study.key)
                .subquery()
            )
            rows = session.execute(
                select(placed.c.number, func.max(placed.c.place)).group_by(placed.c.number)
            )
            return {number: int(spent) for number, spent in rows}


def _ordered(statement: TrialSelect, order_by: TrialOrder, last: Key | None) -> TrialSelect:
    """In the order asked for, and beginning after the trial with the key ``last``."""
    number = TrialRow.number
    if order_by == "number":
        if last is not None:
            statement = statement.where(number > literal(last[0], BigInteger()))
        return statement.order_by(number)
    if order_by == "lambda":
        if last is not None:
            place = tuple_(TrialRow.lambda_, number)
            statement = statement.where(
                place > tuple_(literal(last[0], Double()), literal(last[1], BigInteger()))
            )
        return statement.order_by(TrialRow.lambda_, number)
    reward = func.coalesce(reward_of_outcome(), _NO_OUTCOME)
    if last is not None:
        reward_before: ColumnElement[float] = literal(last[0], Double())
        after_equals = and_(reward == reward_before, number > literal(last[1], BigInteger()))
        statement = statement.where(or_(reward < reward_before, after_equals))
    return statement.order_by(reward.desc(), number)


def _key_of(trial: TrialRecord, order_by: TrialOrder) -> Key:
    if order_by == "number":
        return (trial.number,)
    if order_by == "lambda":
        return (trial.lambda_, trial.number)
    return (_NO_OUTCOME if trial.reward is None else trial.reward, trial.number)
