import csv
import io
from datetime import datetime
from typing import Any

import pytest

from service.api.trials_csv import COLUMNS
from service.domain.provenance import Provenance
from solver.base import Suggestion
from tests.service.api.problems import assert_invalid, assert_problem
from tests.service.live import Live
from tests.service.searches import (
    ARCHITECTURE,
    GATE_MARGINS,
    epoch_report,
    finished_trial,
    lease,
    start_trial,
)

TRIAL_FIELDS = {
    "number", "state", "lambda", "epochs", "epochs_done", "hinge_target_ms", "seed", "attempt", "accuracy",
    "runtime_ms", "reward", "started_at", "finished_at", "updated_at", "error",
    "reused_from",
}  # fmt: skip


@pytest.fixture
def study(shared: Live) -> str:
    """A study with trials 0 (reward .9), 1 (.76), 2 (running, one epoch) and 3 (failed)."""
    study_id = str(shared.create(budget_epochs=400, max_parallel_trials=8)["id"])
    finished_trial(shared.store, study_id, lambda_=2.0, accuracy=0.9, runtime_ms=78)
    finished_trial(shared.store, study_id, lambda_=0.5, accuracy=0.95, runtime_ms=100, epochs=4)
    dispatch = shared.store.dispatch
    running = start_trial(shared.store, study_id, lambda_=1.0)
    assert dispatch.record_epochs(lease(shared.store), running.id, running.attempt, [epoch_report(1)]) == 1
    failed = start_trial(shared.store, study_id, lambda_=3.0)
    assert dispatch.fail_trial(lease(shared.store), failed.id, failed.attempt, "=the loss is not finite")
    return study_id


def listed(live: Live, study_id: str, **params: Any) -> list[dict[str, Any]]:
    response = live.http.get(f"/v1/studies/{study_id}/trials", params=params)
    assert response.status_code == 200, response.text
    trials: list[dict[str, Any]] = response.json()["trials"]
    return trials


def test_trials_are_listed_without_architectures(shared: Live, study: str) -> None:
    trials = listed(shared, study)
    assert [trial["number"] for trial in trials] == [0, 1, 2, 3]
    assert all(trial.keys() == TRIAL_FIELDS for trial in trials)
    assert [trial["state"] for trial in trials] == ["completed", "completed", "running", "failed"]
    assert [trial["lambda"] for trial in trials] == [2.0, 0.5, 1.0, 3.0]
    assert [trial["epochs_done"] for trial in trials] == [8, 4, 1, 0]
    assert [trial["reward"] for trial in trials] == [pytest.approx(0.9), pytest.approx(0.76), None, None]
    assert trials[3]["error"] == "=the loss is not finite"
    assert trials[0]["finished_at"] is not None


def test_trials_are_filtered_and_ordered(shared: Live, study: str) -> None:
    def numbers(**params: Any) -> list[int]:
        return [trial["number"] for trial in listed(shared, study, **params)]

    assert numbers(state="running") == [2]
    assert numbers(state=["running", "failed"]) == [2, 3]
    assert numbers(order_by="lambda") == [1, 2, 0, 3]
    assert numbers(order_by="reward")[:2] == [0, 1]
    changed = listed(shared, study)[3]["updated_at"]
    assert numbers(updated_since=changed) == [3]


@pytest.mark.parametrize("order_by", ["number", "reward", "lambda"])
def test_pages_put_together_are_the_list(shared: Live, study: str, order_by: str) -> None:
    whole = listed(shared, study, order_by=order_by)
    together: list[dict[str, Any]] = []
    params: dict[str, Any] = {"order_by": order_by, "page_size": 1}
    while True:
        page = shared.http.get(f"/v1/studies/{study}/trials", params=params).json()
        together += page["trials"]
        if page["next_page_token"] is None:
            break
        params["page_token"] = page["next_page_token"]
    assert together == whole


def test_a_token_of_another_list_is_refused(shared: Live, study: str) -> None:
    url = f"/v1/studies/{study}/trials"
    token = shared.http.get(url, params={"page_size": 1}).json()["next_page_token"]
    assert_invalid(shared.http.get(url, params={"page_token": token, "order_by": "lambda"}), "page_token")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"order_by": "accuracy"}, "order_by"),
        ({"updated_since": "yesterday"}, "updated_since"),
        ({"updated_since": "0.5"}, "updated_since"),
        ({"updated_since": "-1764000000"}, "updated_since"),
        ({"updated_since": "2026-01-01T00:00:00"}, "updated_since"),
        ({"page_size": 1001}, "page_size"),
        ({"state": "paused"}, "state.0"),
        ({"page": 2}, "page"),
    ],
)
def test_parameters_that_are_not_valid(shared: Live, study: str, params: dict[str, Any], field: str) -> None:
    assert_invalid(shared.http.get(f"/v1/studies/{study}/trials", params=params), field)


def test_one_trial_shows_its_architecture(shared: Live, study: str) -> None:
    trial = shared.http.get(f"/v1/studies/{study}/trials/0").json()
    assert trial.keys() == TRIAL_FIELDS | {"architecture", "provenance", "versions"}
    assert trial["architecture"] == list(ARCHITECTURE)
    assert shared.http.get(f"/v1/studies/{study}/trials/2").json()["architecture"] is None


def test_epochs_of_a_trial(shared: Live, study: str) -> None:
    epochs = shared.http.get(f"/v1/studies/{study}/trials/1/epochs").json()["epochs"]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2, 3, 4]
    assert epochs[0] == {
        "epoch": 1,
        "cross_entropy": 0.5,
        "accuracy": 0.95,
        "runtime_ms": 100,
        "seconds": 1.5,
        "gate_margins": [list(row) for row in GATE_MARGINS],
    }
    assert shared.http.get(f"/v1/studies/{study}/trials/3/epochs").json() == {"epochs": []}


@pytest.mark.parametrize("rest", ["", "/epochs"])
def test_trials_that_are_not_there(shared: Live, study: str, rest: str) -> None:
    assert_problem(shared.http.get(f"/v1/studies/{study}/trials/99{rest}"), 404, "not-found")
    for number in ("-1", "x", "1.5", str(2**31), str(10**30)):
        assert_invalid(shared.http.get(f"/v1/studies/{study}/trials/{number}{rest}"), "number")


def test_csv(shared: Live, study: str) -> None:
    response = shared.http.get(f"/v1/studies/{study}/trials.csv")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert f'filename="{study}.csv"' in response.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert tuple(rows[0]) == COLUMNS
    assert [row["number"] for row in rows] == ["0", "1", "2", "3"]
    assert rows[0]["lambda"] == "2.0"
    assert rows[0]["architecture"].split(" ") == list(ARCHITECTURE)
    assert datetime.fromisoformat(rows[0]["finished_at"]).tzinfo is not None
    assert rows[2]["accuracy"] == rows[2]["reward"] == ""
    assert rows[3]["error"] == "'=the loss is not finite"  # no formula for a spreadsheet


def test_a_reused_trial_names_the_one_that_ran(shared: Live) -> None:
    source, study = (str(shared.create(seed=4711)["id"]) for _ in range(2))
    provenance = Provenance("table", "data", "1.0")
    versions = {"nas_worker": "hash", "torch": "2", "numpy": "2"}
    store, held = shared.store, lease(shared.store)
    ran = store.dispatch.add_trial(held, source, Suggestion(1.0, 2), provenance, versions)
    assert ran is not None
    started = {"provenance": provenance, "identity": ran.identity, "versions": versions}
    store.dispatch.start_trial(held, ran.id, 0, "worker", **started)  # type: ignore[arg-type]
    store.dispatch.record_epochs(held, ran.id, 1, [epoch_report(1), epoch_report(2)])
    store.dispatch.complete_trial(held, ran.id, 1)
    assert store.dispatch.add_trial(held, study, Suggestion(1.0, 2), provenance, versions) is not None
    origin = {"study_id": source, "number": 0}
    assert [trial["reused_from"] for trial in listed(shared, study)] == [origin]
    trial = shared.http.get(f"/v1/studies/{study}/trials/0").json()
    assert trial["provenance"] == {
        "platform_hash": "table",
        "dataset_fingerprint": "data",
        "code_version": "1.0",
    }
    assert trial["versions"] == versions
    found = shared.http.get(f"/v1/studies/{study}").json()
    assert (found["spent_epochs"], found["reused_epochs"]) == (0, 2)
    (row,) = csv.DictReader(io.StringIO(shared.http.get(f"/v1/studies/{study}/trials.csv").text))
    assert row["reused_from"] == f"{source}/0"
    page = shared.http.get(f"/studies/{study}/trials/0", headers={"accept": "text/html"}).text
    assert f"trial 0 of the study {source}" in page
