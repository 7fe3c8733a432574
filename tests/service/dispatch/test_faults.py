"""A database that fails, or changes, just when the dispatcher writes."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from service.domain.records import Lease
from service.domain.states import StudyState
from tests.service.dispatch.conftest import Bench, wait_until
from tests.service.dispatch.helpers import assert_as_if_undisturbed, failing_once

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("is_written", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "name", ["add_trial", "start_trial", "record_epochs", "complete_trial", "finish_study"]
)
def test_a_fault_of_the_database_at_a_write_loses_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str, is_written: bool
) -> None:
    """``after``: the write was committed, but the answer was lost."""
    with failing_once(monkeypatch, bench.store.dispatch, name, is_written=is_written) as failed:
        study = bench.create(budget_epochs=2)
        bench.wait_for(study, StudyState.COMPLETED)
    assert failed
    assert_as_if_undisturbed(bench, study)


def test_a_fault_of_the_database_is_not_the_solvers_fault(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing_once(monkeypatch, bench.store.trials, "summaries", is_written=False) as failed:
        study = bench.create(budget_epochs=2)
        assert bench.wait_for(study, StudyState.COMPLETED).error is None
    assert failed


def test_a_takeover_cut_short_is_begun_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    study = bench.create(epochs={"min": 1, "max": 6}, budget_epochs=6)
    bench.wait_for_epochs(study, 1)
    bench.stop()
    with failing_once(monkeypatch, bench.store.dispatch, "unfinished_trials", is_written=False) as failed:
        dispatcher = bench.start()
        bench.wait_for(study, StudyState.COMPLETED)
    assert failed
    assert dispatcher.status.role == "active"
    assert bench.store.trials.get(study.id, 0).attempt == 1
    assert_as_if_undisturbed(bench, study)


def test_a_budget_raised_while_the_study_completes_is_spent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = bench.store.dispatch.finish_study
    raised: list[str] = []

    def raise_budget_first(lease: Lease, study_id: str, state: StudyState, *args: Any, **kwargs: Any) -> bool:
        if not raised:
            raised.append(study_id)
            bench.store.studies.update(study_id, changes={"budget_epochs": 4})
        return finish(lease, study_id, state, *args, **kwargs)

    monkeypatch.setattr(bench.store.dispatch, "finish_study", raise_budget_first)
    study = bench.create(epochs={"min": 2, "max": 2}, budget_epochs=2)
    bench.wait_for(study, StudyState.COMPLETED)
    assert raised == [study.id]
    assert bench.store.studies.get(study.id).spent_epochs == 4


@contextmanager
def spoilt(bench: Bench, pragma: str) -> Iterator[None]:
    """Has new connections to the database begin with a pragma."""

    def spoil(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA {pragma}")

    event.listen(bench.engine, "connect", spoil)
    bench.engine.dispose()
    try:
        yield
    finally:
        event.remove(bench.engine, "connect", spoil)
        bench.engine.dispose()


def use_up_free_pages(engine: Engine) -> None:
    """Until the database would have to grow."""
    with suppress(OperationalError):
        while True:
            with engine.begin() as connection:
                connection.exec_driver_sql("INSERT INTO filler VALUES (zeroblob(4000))")


@pytest.mark.parametrize(
    ("pragma", "reason"),
    [("max_page_count = 1", "its disk is full; free some space"), ("query_only = ON", "it is read-only")],
    ids=["full", "read-only"],
)
def test_a_database_that_cannot_be_written_is_told_and_waited_for(
    bench: Bench, pragma: str, reason: str
) -> None:
    dispatcher = bench.dispatcher
    assert dispatcher is not None
    with bench.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE filler (content BLOB)")
    study = bench.create(epochs={"min": 40, "max": 40}, budget_epochs=40)
    bench.wait_for_epochs(study, 1)
    with spoilt(bench, pragma):
        use_up_free_pages(bench.engine)
        wait_until(lambda: reason in (dispatcher.status.error or ""), "it is told")
        assert bench.store.studies.get(study.id).state is StudyState.RUNNING
    with bench.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE filler")
    bench.wait_for(study, StudyState.COMPLETED)
    assert bench.store.trials.get(study.id, 0).attempt == 1
    assert dispatcher.status.error is None
    assert_as_if_undisturbed(bench, study)
