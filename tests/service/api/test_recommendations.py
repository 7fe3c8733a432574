import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from solver.base import Suggestion
from solver.composite import Composite
from tests.service import searches
from tests.service.api.problems import assert_invalid, assert_problem
from tests.service.live import Live

FIELDS = {
    "target_runtime_ms", "basis", "lambda", "hinge_target_ms", "reward", "accuracy", "runtime_ms",
    "probability_within", "best_number", "nearest_number",
}  # fmt: skip


def study_of(live: Live, kind: str, **spec: Any) -> str:
    """A study of this solver with trials at lambda 0.3, 1 and 3, of which 1 is best for 80 ms."""
    study_id = str(live.create(solver={"kind": kind}, **spec)["id"])
    for lambda_, accuracy, runtime_ms in ((0.3, 0.95, 118.0), (1.0, 0.92, 82.0), (3.0, 0.8, 64.0)):
        searches.finished_trial(
            live.store, study_id, lambda_=lambda_, accuracy=accuracy, runtime_ms=runtime_ms
        )
    return study_id


def ask(live: Live, study_id: str, **params: Any) -> list[dict[str, Any]]:
    response = live.http.get(f"/v1/studies/{study_id}/recommendation", params=params, timeout=60)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["recommendations"]
    assert all(each.keys() == FIELDS for each in found)
    return found


def test_a_model_says_what_to_expect_for_each_target(shared: Live) -> None:
    study_id = study_of(shared, "composite", target_runtime_ms=[80, 60, 120])
    found = ask(shared, study_id)
    assert [each["target_runtime_ms"] for each in found] == [80, 60, 120]
    for each in found:
        assert each["basis"] == "model"
        assert 0.1 <= each["lambda"] <= 10
        assert each["hinge_target_ms"] is None
        assert 0 <= each["probability_within"] <= 1
        assert 0 < each["reward"] < 1
        for interval in (each["accuracy"], each["runtime_ms"]):
            assert interval["low"] < interval["mean"] < interval["high"]
            assert interval["probability"] == 0.9
        best = shared.http.get(
            f"/v1/studies/{study_id}/best", params={"target_runtime_ms": each["target_runtime_ms"]}
        ).json()
        assert each["best_number"] == best["number"]
        assert each["nearest_number"] in (0, 1, 2)
    tight, loose = (each for each in found if each["target_runtime_ms"] != 80)
    assert tight["lambda"] > loose["lambda"], "a tighter target takes a larger lambda"
    assert ask(shared, study_id, target_runtime_ms=60) == [tight]


def test_without_a_model_it_is_the_best_trial_and_says_so(shared: Live) -> None:
    for kind in ("random", "bayesian"):
        (found,) = ask(shared, study_of(shared, kind))
        assert found["basis"] == "best_trial"
        assert (found["lambda"], found["best_number"], found["nearest_number"]) == (1.0, 1, 1)
        assert found["reward"] == pytest.approx(0.92 * 80 / 82)
        assert found["accuracy"] is found["runtime_ms"] is found["probability_within"] is None


def test_a_targeted_search_is_recommended_as_one(shared: Live) -> None:
    study_id = shared.create(solver={"kind": "targeted"})["id"]
    held = searches.lease(shared.store)
    trial = shared.store.dispatch.add_trial(held, study_id, Suggestion(5.0, 8, hinge_target_ms=79.0))
    assert trial is not None
    assert shared.store.dispatch.start_trial(held, trial.id, trial.attempt, "worker") is not None
    reports = [searches.epoch_report(epoch) for epoch in range(1, 9)]
    shared.store.dispatch.record_epochs(held, trial.id, 1, reports)
    assert shared.store.dispatch.complete_trial(held, trial.id, 1)
    (found,) = ask(shared, study_id)
    assert (found["basis"], found["lambda"], found["hinge_target_ms"]) == ("best_trial", 5.0, 79.0)


def test_it_follows_the_trials(shared: Live) -> None:
    study_id = study_of(shared, "random")
    assert ask(shared, study_id)[0]["best_number"] == 1
    searches.finished_trial(shared.store, study_id, lambda_=1.1, accuracy=0.93, runtime_ms=79.0)
    assert ask(shared, study_id)[0]["best_number"] == 3


def test_nothing_to_go_by_is_a_problem(shared: Live) -> None:
    for kind, epochs in (("composite", None), ("random", None), ("random", 4)):
        study_id = shared.create(solver={"kind": kind})["id"]
        if epochs is not None:
            searches.finished_trial(shared.store, study_id, epochs=epochs)
        response = shared.http.get(f"/v1/studies/{study_id}/recommendation")
        assert kind in assert_problem(response, 404, "no-best-trial")["detail"]


def test_short_trials_are_enough_for_a_model(shared: Live) -> None:
    study_id = shared.create(solver={"kind": "composite"})["id"]
    searches.finished_trial(shared.store, study_id, epochs=4)
    (found,) = ask(shared, study_id)
    assert (found["basis"], found["best_number"], found["nearest_number"]) == ("model", None, None)


def test_what_is_refused(shared: Live) -> None:
    assert_problem(shared.http.get("/v1/studies/missing/recommendation"), 404, "not-found")
    url = f"/v1/studies/{shared.create()['id']}/recommendation"
    for target in ("0", "-1", "nan", "inf", "x", "1e9"):
        assert_invalid(shared.http.get(url, params={"target_runtime_ms": target}), "target_runtime_ms")


def test_a_slow_model_keeps_nobody_else_waiting(shared: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    recommend = Composite.recommend

    def slow(self: Composite, *arguments: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        return recommend(self, *arguments)

    study_id = study_of(shared, "composite")
    monkeypatch.setattr(Composite, "recommend", slow)
    with ThreadPoolExecutor() as threads:
        url = f"{shared.base_url}/v1/studies/{study_id}/recommendation"
        waiting = [threads.submit(httpx.get, url, timeout=60) for _ in range(50)]
        assert begun.wait(60)
        try:
            assert shared.http.get("/healthz").status_code == 200
            assert shared.http.get(f"/v1/studies/{study_id}").status_code == 200
            assert not any(answer.done() for answer in waiting)
        finally:
            go_on.set()
        answers = [answer.result() for answer in waiting]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
