import pytest

from service.domain.states import TrialState
from solver.base import Suggestion
from tests.service.api.problems import assert_invalid, assert_problem
from tests.service.live import Live
from tests.service.searches import finished_trial, lease, start_trial


@pytest.fixture
def study(shared: Live) -> str:
    """A study for 80 ms with two finished trials, a failed one and a running one."""
    study_id = str(shared.create(name="first")["id"])
    finished_trial(shared.store, study_id, lambda_=0.5, accuracy=0.95, runtime_ms=100)
    failed = start_trial(shared.store, study_id)
    assert shared.store.dispatch.fail_trial(lease(shared.store), failed.id, failed.attempt, "diverged")
    finished_trial(shared.store, study_id, lambda_=2.0, accuracy=0.9, runtime_ms=78)
    start_trial(shared.store, study_id)
    return study_id


def test_finished_trials_are_scored_for_the_new_target(shared: Live, study: str) -> None:
    before = shared.http.get(f"/v1/studies/{study}").json()
    response = shared.http.post(f"/v1/studies/{study}:retarget", json={"target_runtime_ms": 110})
    assert response.status_code == 201
    new = response.json()
    assert response.headers["location"] == f"/v1/studies/{new['id']}"
    assert new["state"] == "completed"
    assert (new["spec"]["name"], new["spec"]["target_runtime_ms"]) == ("first for 110 ms", 110)
    assert (new["spent_epochs"], new["spec"]["budget_epochs"]) == (16, 16)
    assert new["trial_counts"]["completed"] == sum(new["trial_counts"].values()) == 2
    assert (before["best"]["number"], before["best"]["reward"]) == (2, pytest.approx(0.9))
    assert (new["best"]["number"], new["best"]["reward"]) == (0, pytest.approx(0.95))
    assert f"2 finished trials (16 epochs) were taken over from the study {study}" in new["warnings"]
    assert shared.http.get(f"/v1/studies/{study}").json() == before
    old, copy = (shared.store.trials.epochs(each, 0) for each in (study, new["id"]))
    assert [epoch.report.accuracy for epoch in copy] == [epoch.report.accuracy for epoch in old]
    assert all(epoch.report.checkpoint is None for epoch in copy)


def test_with_a_budget_the_search_goes_on_warm(shared: Live, study: str) -> None:
    body = {"target_runtime_ms": 60, "budget_epochs": 8}
    new = shared.http.post(f"/v1/studies/{study}:retarget", json=body).json()
    assert new["state"] == "pending"
    assert new["spec"]["budget_epochs"] == 24
    history = shared.store.trials.history(new["id"])
    assert [trial.state for trial in history] == [TrialState.COMPLETED] * 2
    trial = start_trial(shared.store, new["id"])
    assert trial.number == 2
    assert shared.store.dispatch.add_trial(lease(shared.store), new["id"], Suggestion(1.0, 8)) is None


def test_it_outlives_the_study_that_it_came_from(shared: Live) -> None:
    source = shared.create()["id"]
    finished_trial(shared.store, source)
    new = shared.http.post(f"/v1/studies/{source}:retarget", json={"target_runtime_ms": 60}).json()
    shared.http.post(f"/v1/studies/{source}:cancel")
    assert shared.http.delete(f"/v1/studies/{source}").status_code == 204
    assert shared.http.get(f"/v1/studies/{new['id']}/best").json() == new["best"]


def test_a_target_out_of_reach_is_warned_of(shared: Live, study: str) -> None:
    new = shared.http.post(f"/v1/studies/{study}:retarget", json={"target_runtime_ms": 1}).json()
    assert "no architecture is as fast as 1 ms" in new["warnings"][0]


def test_what_cannot_be_retargeted(shared: Live, study: str) -> None:
    body = {"target_runtime_ms": 60}
    assert_problem(shared.http.post("/v1/studies/missing:retarget", json=body), 404, "not-found")
    empty = shared.create()["id"]
    assert_problem(shared.http.post(f"/v1/studies/{empty}:retarget", json=body), 409, "conflict")
    url = f"/v1/studies/{study}:retarget"
    assert_invalid(shared.http.post(url, json={}), "target_runtime_ms")
    assert_invalid(shared.http.post(url, json={"target_runtime_ms": -1}), "target_runtime_ms")
    assert_invalid(shared.http.post(url, json={**body, "budget_epochs": 7}), "budget_epochs")
    assert_invalid(shared.http.post(url, json={**body, "seed": 7}), "seed")
