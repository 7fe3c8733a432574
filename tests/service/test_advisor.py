"""The advisor on real stores of both kinds, with real solvers."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from service import advisor as module
from service.advisor import Advisor, has_model
from service.db.store import Store
from service.domain.errors import BusyError, NotFoundError
from service.domain.records import StudyRecord
from solver.composite import Composite
from solver.registry import SOLVERS
from tests.service import searches
from tests.service.db.helpers import new_study

TIMEOUT_SECONDS = 60


@pytest.fixture
def advisor(store: Store) -> Iterator[Advisor]:
    advisor = Advisor(store)
    yield advisor
    advisor.close()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Targets that composite is really asked about, each time."""
    asked: list[float] = []
    recommend = Composite.recommend

    def counting(self: Composite, problem: Any, history: Any, target_ms: Any = None) -> Any:
        asked.append(target_ms)
        return recommend(self, problem, history, target_ms)

    monkeypatch.setattr(Composite, "recommend", counting)
    return asked


def composite_study(store: Store, **fields: Any) -> StudyRecord:
    study = new_study(store, solver={"kind": "composite"}, **fields)
    for lambda_, runtime_ms in ((0.5, 110.0), (2.0, 70.0)):
        searches.finished_trial(store, study.id, lambda_=lambda_, runtime_ms=runtime_ms)
    return store.studies.get(study.id)


def test_an_answer_is_kept_until_a_trial_ends(store: Store, advisor: Advisor, calls: list[float]) -> None:
    study = composite_study(store)
    first = advisor.ask(study, 80.0).result(TIMEOUT_SECONDS)
    assert first is not None
    store.studies.update(study.id, changes={"notes": "seen"})  # a new revision, but no new trial
    running = searches.start_trial(store, study.id)
    store.dispatch.record_epochs(searches.lease(store), running.id, 1, [searches.epoch_report(1)])
    assert advisor.ask(store.studies.get(study.id), 80.0).result(TIMEOUT_SECONDS) is first
    assert advisor.ask(study, 60.0).result(TIMEOUT_SECONDS) is not None
    assert calls == [80.0, 60.0]
    searches.finished_trial(store, study.id, lambda_=1.2, runtime_ms=85.0)
    later = advisor.ask(store.studies.get(study.id), 80.0).result(TIMEOUT_SECONDS)
    assert later != first
    assert calls == [80.0, 60.0, 80.0]


def test_asked_twice_at_once_it_works_once(store: Store, advisor: Advisor, calls: list[float]) -> None:
    study = composite_study(store)
    futures = [advisor.ask(study, 80.0) for _ in range(5)]
    assert len({future.result(TIMEOUT_SECONDS) for future in futures}) == 1
    assert calls == [80.0]


def test_answers_are_bounded(
    store: Store, advisor: Advisor, calls: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 3)
    study = composite_study(store)
    for target in (50.0, 60.0, 70.0, 50.0, 80.0, 50.0, 60.0):
        advisor.ask(study, target).result(TIMEOUT_SECONDS)
    assert calls == [50.0, 60.0, 70.0, 80.0, 60.0], "the one that was asked for longest ago was dropped"


def test_too_many_at_once_are_refused_and_none_that_is_waited_for_is_dropped(
    store: Store, advisor: Advisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(*_: Any) -> None:
        assert go_on.wait(TIMEOUT_SECONDS)

    monkeypatch.setattr(module, "_MOST_WAITING", 3)
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 1)
    study = composite_study(store)
    with monkeypatch.context() as patch:
        patch.setattr(Composite, "recommend", slow)
        waiting = [advisor.ask(study, target) for target in (50.0, 60.0, 70.0)]
        with pytest.raises(BusyError, match="3 recommendations"):
            advisor.ask(study, 80.0)
        assert advisor.ask(study, 50.0) is waiting[0]
        go_on.set()
        assert [answer.result(TIMEOUT_SECONDS) for answer in waiting] == [None] * 3
    assert advisor.ask(study, 80.0).result(TIMEOUT_SECONDS) is not None


def test_a_study_without_trials_has_no_answer(store: Store, advisor: Advisor) -> None:
    for kind in ("composite", "random"):
        study = new_study(store, solver={"kind": kind})
        assert advisor.ask(study, 80.0).result(TIMEOUT_SECONDS) is None


def test_a_failure_is_not_remembered(store: Store, advisor: Advisor, monkeypatch: pytest.MonkeyPatch) -> None:
    study = composite_study(store)
    gone = replace(study, id="gone")
    assert isinstance(advisor.ask(gone, 80.0).exception(TIMEOUT_SECONDS), NotFoundError)
    with monkeypatch.context() as patch:
        patch.setattr(Composite, "recommend", lambda *_: 1 / 0)
        assert isinstance(advisor.ask(study, 80.0).exception(TIMEOUT_SECONDS), ZeroDivisionError)
    assert advisor.ask(study, 80.0).result(TIMEOUT_SECONDS) is not None


def test_one_works_at_a_time_and_close_drops_the_rest(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()

    def slow(*_: Any) -> None:
        begun.release()
        assert go_on.wait(TIMEOUT_SECONDS)

    monkeypatch.setattr(Composite, "recommend", slow)
    advisor, study = Advisor(store), composite_study(store)
    first, second = advisor.ask(study, 80.0), advisor.ask(study, 60.0)
    assert begun.acquire(timeout=TIMEOUT_SECONDS)
    assert not begun.acquire(timeout=0.1)
    closing = threading.Thread(target=advisor.close)
    closing.start()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not second.cancelled() and time.monotonic() < deadline:
        time.sleep(0.01)
    go_on.set()
    closing.join(TIMEOUT_SECONDS)
    assert (first.result(TIMEOUT_SECONDS), second.cancelled()) == (None, True)


def test_solvers_that_have_a_model_say_so(store: Store) -> None:
    kinds = [str(solver.model_fields["kind"].default) for solver in SOLVERS]
    modelling = [kind for kind in kinds if has_model(new_study(store, solver={"kind": kind}))]
    assert modelling == ["composite"]


def test_an_outlook_is_kept_until_a_trial_begins_or_ends(store: Store, advisor: Advisor) -> None:
    study = composite_study(store)
    first = advisor.outlook(study)
    outlook = first.result(TIMEOUT_SECONDS)
    assert outlook.forecast is not None
    assert outlook.next_search is not None
    assert advisor.outlook(store.studies.get(study.id)) is first
    searches.start_trial(store, study.id)
    second = advisor.outlook(store.studies.get(study.id))
    assert second is not first
    assert second.result(TIMEOUT_SECONDS).next_search != outlook.next_search, "that one is under way"


def test_every_solver_has_an_outlook_after_the_last_epoch_of_the_budget(
    store: Store, advisor: Advisor
) -> None:
    for solver in SOLVERS:
        kind = solver.model_fields["kind"].default
        study = new_study(store, solver={"kind": kind}, budget_epochs=8, max_parallel_trials=1)
        searches.finished_trial(store, study.id, lambda_=0.5, runtime_ms=110.0)
        study = store.studies.get(study.id)
        outlook = advisor.outlook(study).result(TIMEOUT_SECONDS)
        assert (outlook.forecast is not None) == (kind == "composite")
        assert outlook.next_search is not None
