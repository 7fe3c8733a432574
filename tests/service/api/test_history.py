from datetime import datetime

import pytest

from tests.service.api.problems import assert_invalid, assert_problem
from tests.service.live import Live
from tests.service.searches import finished_trial, lease, start_trial


@pytest.fixture
def study(shared: Live) -> str:
    """A study with a finished trial, and one that lost a worker."""
    study_id = str(shared.create(budget_epochs=400)["id"])
    finished_trial(shared.store, study_id)
    lost = start_trial(shared.store, study_id)
    dispatch = shared.store.dispatch
    assert dispatch.requeue_trial(lease(shared.store), lost.id, 1, crashed=True, error="its node died")
    return study_id


def test_what_happened_newest_first(shared: Live, study: str) -> None:
    response = shared.http.get(f"/v1/studies/{study}/history")
    assert response.status_code == 200, response.text
    events = [event for event in response.json()["events"] if event["kind"] != "lease"]
    assert events[0].keys() == {"id", "at", "kind", "trial", "attempt", "state", "detail"}
    assert [(e["kind"], e["trial"], e["state"]) for e in events] == [
        ("retry", 1, "queued"),
        ("state", 1, "running"),
        ("created", 1, "queued"),
        ("state", 0, "completed"),
        ("state", 0, "running"),
        ("state", None, "running"),
        ("created", 0, "queued"),
        ("created", None, "pending"),
    ]
    assert events[0]["detail"].startswith("its node died")
    assert datetime.fromisoformat(events[0]["at"]).tzinfo is not None


def test_pages_and_the_filter_by_trial(shared: Live, study: str) -> None:
    url = f"/v1/studies/{study}/history"
    first = shared.http.get(url, params={"trial": 0, "page_size": 2}).json()
    assert [event["state"] for event in first["events"]] == ["completed", "running"]
    token = first["next_page_token"]
    last = shared.http.get(url, params={"trial": 0, "page_size": 2, "page_token": token}).json()
    assert [event["kind"] for event in last["events"]] == ["created"]
    assert last["next_page_token"] is None


def test_bad_questions_are_refused(shared: Live, study: str) -> None:
    assert_problem(shared.http.get("/v1/studies/0000000000000000/history"), 404, "not-found")
    url = f"/v1/studies/{study}/history"
    for params in ({"trial": -1}, {"page_size": 0}, {"page_token": "forged"}, {"kind": "state"}):
        assert_invalid(shared.http.get(url, params=params), next(iter(params)))
