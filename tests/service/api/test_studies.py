from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.service.api.problems import assert_invalid, assert_problem
from tests.service.live import Live
from tests.service.searches import finished_trial, start_trial

STUDY_FIELDS = {
    "id", "state", "spec", "warnings", "spent_epochs", "reused_epochs", "reserved_epochs", "trial_counts",
    "best", "revision", "created_at", "updated_at", "error",
}  # fmt: skip
STATES = {"queued", "running", "completed", "failed", "cancelled"}


def test_a_new_study_echoes_its_spec_with_the_defaults(shared: Live) -> None:
    response = shared.http.post("/v1/studies", json={"target_runtime_ms": 80})
    assert response.status_code == 201
    study = response.json()
    assert study.keys() == STUDY_FIELDS
    assert response.headers["location"] == f"/v1/studies/{study['id']}"
    assert response.headers["etag"] == f'"{study["revision"]}"'
    assert study["state"] == "pending"
    assert study["spent_epochs"] == study["reserved_epochs"] == 0
    assert study["trial_counts"] == dict.fromkeys(STATES, 0)
    assert study["best"] is None
    assert study["error"] is None
    assert study["warnings"] == []
    spec = study["spec"]
    assert spec["name"] == "pixel1 at 80 ms"
    assert spec["target_runtime_ms"] == 80
    assert spec["solver"]["kind"] == "bayesian"
    assert spec["lambda_range"] == {"low": 0.1, "high": 10}
    assert spec["epochs"] == {"min": 2, "max": 8}
    assert spec["budget_epochs"] == 400
    assert spec["search"]["dataset"] == "digits"
    assert shared.http.get(response.headers["location"]).json() == study


def test_what_was_said_is_kept(shared: Live) -> None:
    spec = {
        "name": "名前 <b>&' OR 1=1 --",
        "target_runtime_ms": 79.5,
        "solver": {"kind": "random"},
        "lambda_range": {"low": 0.5, "high": 2},
        "epochs": {"min": 1, "max": 3},
        "budget_epochs": 30,
        "max_parallel_trials": 4,
        "seed": 7,
        "resources": {"cpus": 2, "gpus": 0.5},
        "tags": ["ü", "b"],
        "notes": "line\nline",
    }
    study = shared.create(**spec)
    echoed = shared.http.get(f"/v1/studies/{study['id']}").json()["spec"]
    assert {name: echoed[name] for name in spec} == spec


@pytest.mark.parametrize(
    ("target", "words"), [(1, "no architecture is as fast as 1 ms"), (500, "faster than 500 ms")]
)
def test_a_target_out_of_reach_is_accepted_with_a_warning(shared: Live, target: float, words: str) -> None:
    study = shared.create(target_runtime_ms=target)
    (warning,) = study["warnings"]
    assert words in warning
    platform = next(p for p in shared.http.get("/v1/platforms").json()["platforms"] if p["name"] == "pixel1")
    assert f"{platform['min_runtime_ms']:.2f} to {platform['max_runtime_ms']:.2f} ms" in warning


def test_the_same_key_replays_the_same_study(shared: Live) -> None:
    body, headers = {"target_runtime_ms": 81}, {"idempotency-key": "key-1"}
    first = shared.http.post("/v1/studies", json=body, headers=headers)
    again = shared.http.post("/v1/studies", json=body, headers=headers)
    assert first.status_code == again.status_code == 201
    assert first.json()["id"] == again.json()["id"]
    other = shared.http.post("/v1/studies", json={"target_runtime_ms": 82}, headers=headers)
    assert_problem(other, 422, "idempotency-key-reused")


def test_one_key_sent_at_once_makes_one_study(shared: Live) -> None:
    def create(_: int) -> str:
        response = shared.http.post(
            "/v1/studies", json={"target_runtime_ms": 83}, headers={"idempotency-key": "at-once"}
        )
        return str(response.json()["id"])

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(create, range(16)))) == 1


def test_etags_save_reading_again(shared: Live) -> None:
    study = shared.create()
    url = f"/v1/studies/{study['id']}"
    tag = shared.http.get(url).headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        response = shared.http.get(url, headers={"if-none-match": known})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == tag
    start_trial(shared.store, study["id"])
    response = shared.http.get(url, headers={"if-none-match": tag})
    assert response.status_code == 200
    assert response.headers["etag"] != tag
    assert response.json()["state"] == "running"
    assert response.json()["reserved_epochs"] == 8


def test_a_patch_changes_what_it_names(shared: Live) -> None:
    study = shared.create(notes="old", tags=["a"])
    url = f"/v1/studies/{study['id']}"
    response = shared.http.patch(url, json={"notes": "new", "budget_epochs": 800})
    assert response.status_code == 200
    assert response.json()["spec"] == {**study["spec"], "notes": "new", "budget_epochs": 800}
    assert response.headers["etag"] == f'"{response.json()["revision"]}"'


def test_if_match_guards_against_lost_updates(shared: Live) -> None:
    study = shared.create()
    url = f"/v1/studies/{study['id']}"
    tag = f'"{study["revision"]}"'
    first = shared.http.patch(url, json={"notes": "mine"}, headers={"if-match": tag})
    assert first.status_code == 200
    for stale in (tag, f"W/{first.headers['etag']}", '"nonsense"', "nonsense"):
        second = shared.http.patch(url, json={"notes": "theirs"}, headers={"if-match": stale})
        assert_problem(second, 412, "precondition-failed")
    for listed in ("{}", '"x", {}', "*"):
        current = shared.http.get(url).headers["etag"]
        response = shared.http.patch(
            url, json={"tags": [listed]}, headers={"if-match": listed.format(current)}
        )
        assert response.status_code == 200, response.text
    assert shared.http.get(url).json()["spec"]["notes"] == "mine"


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({}, "body"),
        ({"target_runtime_ms": 70}, "target_runtime_ms"),
        ({"budget_epochs": 7}, "budget_epochs"),
        ({"budget_epochs": None}, "budget_epochs"),
        ({"max_parallel_trials": 0}, "max_parallel_trials"),
        ({"tags": "a"}, "tags"),
        ({"name": "a\0b"}, "name"),
    ],
)
def test_a_patch_that_is_not_valid_names_the_field(shared: Live, patch: dict[str, Any], field: str) -> None:
    study = shared.create()
    assert_invalid(shared.http.patch(f"/v1/studies/{study['id']}", json=patch), field)


def test_pause_resume_cancel_delete(shared: Live) -> None:
    url = f"/v1/studies/{shared.create()['id']}"
    assert_problem(shared.http.delete(url), 409, "conflict")
    for verb, state in [
        ("pause", "paused"),
        ("pause", "paused"),
        ("resume", "pending"),
        ("cancel", "cancelled"),
    ]:
        response = shared.http.post(f"{url}:{verb}")
        assert response.status_code == 202
        assert response.json()["state"] == state
    for verb in ("pause", "resume"):
        assert_problem(shared.http.post(f"{url}:{verb}"), 409, "conflict")
    assert shared.http.delete(url).status_code == 204
    assert_problem(shared.http.get(url), 404, "not-found")
    assert_problem(shared.http.delete(url), 404, "not-found")


@pytest.mark.parametrize("study_id", ["missing", "a%00b", "%F0%9F%98%80", "..%5C", "x" * 300, "a:b", "'--"])
@pytest.mark.parametrize("rest", ["", "/trials", "/best", "/trials/0", "/trials.csv", "/figures/progress"])
def test_a_study_that_is_not_there(shared: Live, study_id: str, rest: str) -> None:
    assert_problem(shared.http.get(f"/v1/studies/{study_id}{rest}"), 404, "not-found")


def test_the_best_trial_is_the_one_of_eq_19(shared: Live) -> None:
    study_id = shared.create()["id"]
    assert_problem(shared.http.get(f"/v1/studies/{study_id}/best"), 404, "no-best-trial")
    finished_trial(shared.store, study_id, lambda_=0.2, accuracy=0.95, runtime_ms=100)  # 0.95 * 80 / 100
    finished_trial(shared.store, study_id, lambda_=0.8, accuracy=0.9, runtime_ms=79)
    finished_trial(shared.store, study_id, lambda_=0.9, accuracy=0.99, runtime_ms=70, epochs=4)
    best = shared.http.get(f"/v1/studies/{study_id}/best").json()
    assert best.keys() == {"number", "lambda", "epochs", "accuracy", "runtime_ms", "reward", "architecture"}
    assert (best["number"], best["lambda"], best["reward"]) == (1, 0.8, pytest.approx(0.9))
    assert len(best["architecture"]) == 20
    study = shared.http.get(f"/v1/studies/{study_id}").json()
    assert study["best"] == best
    assert study["spent_epochs"] == 20
    assert study["trial_counts"]["completed"] == 3

    slower = shared.http.get(f"/v1/studies/{study_id}/best", params={"target_runtime_ms": 110}).json()
    assert (slower["number"], slower["reward"]) == (0, pytest.approx(0.95))
    for target in ("0", "-1", "nan", "inf", "x", "1e9"):
        response = shared.http.get(f"/v1/studies/{study_id}/best", params={"target_runtime_ms": target})
        assert_invalid(response, "target_runtime_ms")


def test_the_list_is_paged_newest_first(live: Live) -> None:
    ids = [live.create(name=f"study {n}")["id"] for n in range(7)]
    seen, token = [], None
    while True:
        params = {"page_size": 3} if token is None else {"page_size": 3, "page_token": token}
        page = live.http.get("/v1/studies", params=params).json()
        assert len(page["studies"]) <= 3
        seen += [study["id"] for study in page["studies"]]
        token = page["next_page_token"]
        if token is None:
            break
        live.create(name="arrives meanwhile")
    assert seen == ids[::-1]


def test_the_list_is_filtered(live: Live) -> None:
    apple = live.create(name="Apple pie", tags=["fruit"])["id"]
    bread = live.create(name="100% bread_")["id"]
    live.http.post(f"/v1/studies/{bread}:cancel")

    def found(**params: Any) -> list[str]:
        response = live.http.get("/v1/studies", params=params)
        assert response.status_code == 200, response.text
        return [study["id"] for study in response.json()["studies"]]

    assert found() == [bread, apple]
    assert found(q="apple") == [apple]
    assert found(q="fruit") == [apple]
    assert found(q="%") == [bread]
    assert found(q="_") == [bread]
    assert found(q="nothing") == []
    assert found(state="cancelled") == [bread]
    assert found(state=["cancelled", "pending"]) == [bread, apple]
    assert found(state="failed") == []


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"page_size": 0}, "page_size"),
        ({"page_size": 10**6}, "page_size"),
        ({"page_size": "x"}, "page_size"),
        ({"page_token": "forged"}, "page_token"),
        ({"page_token": "WzEsMl0"}, "page_token"),
        ({"page_token": "é"}, "page_token"),
        ({"page_token": "a\0"}, "page_token"),
        ({"state": "sleeping"}, "state.0"),
        ({"q": "a\0"}, "q"),
        ({"q": "x" * 300}, "q"),
        ({"offset": 3}, "offset"),
    ],
)
def test_list_parameters_that_are_not_valid(shared: Live, params: dict[str, Any], field: str) -> None:
    assert_invalid(shared.http.get("/v1/studies", params=params), field)
