"""How many queries there are, and that indexes serve them."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from service.db import migrate
from service.db.engine import create_engine
from service.db.store import Store
from service.domain.provenance import Provenance
from service.domain.records import StudyRecord
from service.domain.states import StudyState, TrialState
from solver.base import Suggestion
from tests.service import searches
from tests.service.db.helpers import new_study, queued_trial, running_trial
from tests.service.searches import epoch_report

Statement = tuple[str, Any]


@contextmanager
def recorded(engine: Engine) -> Iterator[list[Statement]]:
    """The statements that the block sends, with their parameters."""
    statements: list[Statement] = []

    def record(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", record)
    yield statements
    event.remove(engine, "before_cursor_execute", record)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database with 52 studies of three trials each, in several states."""
    if request.param == "postgresql":
        engine = create_engine(request.getfixturevalue("new_postgres_database")())
    else:
        engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('queries') / 'spnas.db'}")
    migrate.upgrade(engine)
    store, lease = Store(engine), searches.lease(Store(engine))
    for number in range(52):
        study = new_study(store, name=f"study {number}", epochs={"min": 1, "max": 2})
        searches.finished_trial(store, study.id, epochs=2)
        trial = running_trial(store, lease, study, epochs=2)
        store.dispatch.record_epochs(lease, trial.id, 1, [epoch_report(1)])
        queued_trial(store, lease, study, epochs=2)
        if number % 2:
            store.studies.pause(study.id)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    yield engine
    engine.dispose()


def test_fifty_studies_take_as_many_queries_as_one(engine: Engine) -> None:
    store = Store(engine)
    counts = []
    for page_size in (1, 50):
        with recorded(engine) as statements:
            page = store.studies.list(page_size=page_size)
        assert len(page.items) == page_size
        assert all(study.spent_epochs == 3 and study.best is not None for study in page.items)
        counts.append(len(statements))
    assert counts == [3, 3]


def test_reads_take_a_fixed_number_of_queries(engine: Engine) -> None:
    store = Store(engine)
    study = store.studies.list(page_size=1).items[0]
    reads: list[tuple[int, Callable[[], object]]] = [
        (3, store.dispatch.active_studies),
        (1, store.dispatch.unfinished_trials),
        (3, lambda: store.studies.get(study.id)),
        (2, lambda: store.studies.best(study.id, 70.0)),
        (2, lambda: store.trials.list(study.id)),
        (2, lambda: store.trials.history(study.id)),
        (2, lambda: store.trials.epochs_of_study(study.id)),
        (2, lambda: store.trials.spent_when_done(study.id)),
        (2, lambda: store.events.list(study.id, trial=1)),
    ]
    for count, read in reads:
        with recorded(engine) as statements:
            read()
        assert len(statements) == count, statements


def reads(store: Store, study: StudyRecord, other: StudyRecord) -> None:
    """Everything that the service reads while studies run."""
    store.studies.get(study.id)
    store.studies.list()
    store.studies.list(states=[StudyState.PAUSED])
    store.studies.best(study.id, 70.0)
    for order_by in ("number", "reward", "lambda"):
        first = store.trials.list(study.id, order_by=order_by, page_size=2)
        store.trials.list(study.id, order_by=order_by, page_size=2, page_token=first.next_page_token)
    store.trials.list(study.id, updated_since=study.updated_at)
    store.trials.list(study.id, states=[TrialState.RUNNING])
    store.trials.get(study.id, 0)
    store.trials.epochs(study.id, 0)
    store.trials.epochs_of_study(study.id)
    store.trials.spent_when_done(study.id)
    store.trials.history(other.id)
    for trial in (None, 1):
        recent = store.events.list(study.id, trial=trial, page_size=1)
        store.events.list(study.id, trial=trial, page_token=recent.next_page_token)
    store.dispatch.active_studies()
    store.dispatch.unfinished_trials()
    store.dispatch.overdue_trials()
    store.dispatch.last_checkpoint(1)


def writes(store: Store, study: StudyRecord) -> None:
    """Everything that the service writes while studies run."""
    lease = searches.lease(store)
    queued = next(trial for trial in store.trials.history(study.id) if trial.state is TrialState.QUEUED)
    provenance = Provenance("platform", "data", "1.0")
    versions = {"nas_worker": "hash", "torch": "2", "numpy": "2"}
    store.dispatch.add_trial(lease, study.id, Suggestion(1.0, 2), provenance, versions)
    store.dispatch.start_trial(lease, queued.id, 0, "worker")
    store.dispatch.record_epochs(lease, queued.id, 1, [epoch_report(1), epoch_report(2)])
    store.dispatch.complete_trial(lease, queued.id, 1)
    store.dispatch.requeue_trial(lease, queued_trial(store, lease, study, epochs=2).id, 0, crashed=False)
    store.studies.update(study.id, changes={"budget_epochs": 500})
    store.studies.cancel(study.id)


def plans_of(engine: Engine) -> list[tuple[str, str]]:
    """(statement, plan) of all that is read and written."""
    store = Store(engine)
    running = store.studies.list(states=[StudyState.RUNNING]).items
    with recorded(engine) as statements:
        reads(store, running[0], running[1])
        writes(store, running[0])
    explained = [s for s in statements if s[0].startswith(("SELECT", "UPDATE"))]
    assert len(explained) > 40
    plans = []
    with engine.connect() as connection:
        prefix = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
        if engine.dialect.name == "postgresql":  # the tables are small: forbid what only then is cheap
            connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, parameters in explained:
            rows = connection.exec_driver_sql(prefix + statement, parameters)
            plans.append((statement, "\n".join(str(row[-1]) for row in rows)))
    return plans


def test_no_query_reads_a_whole_table(engine: Engine) -> None:
    whole = re.compile(
        r"SCAN (studies|trials|epochs|events|outcome|idempotency_keys)\b|Seq Scan on (?!lease)\w+"
    )
    for statement, plan in plans_of(engine):
        found = {match[0] for match in whole.finditer(plan)}
        if 'ORDER BY studies."key" DESC' in statement:
            found -= {"SCAN studies"}  # along the primary key, from the newest study, up to the limit
        assert not found, f"{statement}\n{plan}"
