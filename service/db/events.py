"""Events in the store: written inside the transaction of the change that they tell of, and read by page."""

from sqlalchemy import BigInteger, Connection, Insert, insert, literal, null, select

from service.db.columns import UtcNow
from service.db.models import EventRow, StudyRow, TrialRow
from service.db.paging import check_page_size, make_page, read_token
from service.db.session import Database
from service.db.statements import find_study
from service.domain.events import EventKind, EventRecord
from service.domain.records import Page
from service.domain.states import StudyState, TrialState

_INSERT: Insert = insert(EventRow).values(at=UtcNow())
_COLUMNS = ("study_key", "trial", "kind", "at", "attempt", "state", "detail")


def record(
    connection: Connection,
    study_key: int,
    kind: EventKind,
    *,
    trial: int | None = None,
    attempt: int | None = None,
    state: StudyState | TrialState | None = None,
    detail: str | None = None,
) -> None:
    """Adds an event to this transaction; arguments as in :class:`EventRecord`."""
    values = {
        "study_key": study_key,
        "kind": kind,
        "trial": trial,
        "attempt": attempt,
        "state": None if state is None else state.value,
        "detail": detail,
    }
    connection.execute(_INSERT, values)


def record_of_queued_trials(connection: Connection, study_key: int, state: TrialState) -> None:
    """Adds an event for each queued trial of a locked study, which goes into this state."""
    of_queued = select(
        TrialRow.study_key,
        TrialRow.number,
        literal(EventKind.STATE, EventRow.kind.type),
        UtcNow(),
        TrialRow.attempt,
        literal(state.value, EventRow.state.type),
        null(),
    ).where(TrialRow.study_key == study_key, TrialRow.state == TrialState.QUEUED)
    connection.execute(insert(EventRow).from_select(_COLUMNS, of_queued.order_by(TrialRow.number)))


def record_of_active_studies(connection: Connection, kind: EventKind, detail: str) -> None:
    """Adds an event to every study that is pending or running."""
    active = [state for state in StudyState if state.is_active]
    of_active = (
        select(
            StudyRow.key,
            null(),
            literal(kind, EventRow.kind.type),
            UtcNow(),
            null(),
            null(),
            literal(detail, EventRow.detail.type),
        )
        .where(StudyRow.state.in_(active))
        .order_by(StudyRow.key)
        .with_for_update(key_share=True, read=True)  # one that is deleted meanwhile is left out
    )
    connection.execute(insert(EventRow).from_select(_COLUMNS, of_active))


class Events:
    """Events, to read. They are deleted with their study."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self, study_id: str, *, trial: int | None = None, page_size: int = 50, page_token: str | None = None
    ) -> Page[EventRecord]:
        """What happened to a study, newest first.

        Args:
            study_id: The study.
            trial: Only what happened to the trial of this number; None: everything.
            page_size: Most events on the page, up to 1000.
            page_token: ``next_page_token`` of the page before, of the same trial.

        Raises:
            NotFoundError: There is no such study.
            InvalidFieldError: Of ``page_size`` or ``page_token``.
        """
        check_page_size(page_size)
        list_id = ("events", study_id, trial)
        statement = select(EventRow).order_by(EventRow.id.desc()).limit(page_size + 1)
        if page_token is not None:
            (last,) = read_token(page_token, list_id, (int,))
            statement = statement.where(EventRow.id < literal(last, BigInteger()))
        if trial is not None:
            statement = statement.where(EventRow.trial == literal(trial, BigInteger()))
        with self._database.reading() as session:
            study = find_study(session, study_id)
            rows = session.scalars(statement.where(EventRow.study_key == study.key)).all()
            events = [_record_of(row) for row in rows]
        return make_page(events, page_size, list_id, lambda event: (event.id,))

    def of_trials(self, study_id: str, *, first: int) -> tuple[EventRecord, ...]:
        """What happened to the trials of a study from the one with the number ``first`` on, in order.

        Raises:
            NotFoundError: There is no such study.
        """
        with self._database.reading() as session:
            study = find_study(session, study_id)
            of_trials = select(EventRow).where(EventRow.study_key == study.key, EventRow.trial >= first)
            return tuple(map(_record_of, session.scalars(of_trials.order_by(EventRow.id))))


def _record_of(row: EventRow) -> EventRecord:
    return EventRecord(row.id, row.at, row.kind, row.trial, row.attempt, row.state, row.detail)
