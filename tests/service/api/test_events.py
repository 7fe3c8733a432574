import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.service.api.problems import assert_problem
from tests.service.live import Live
from tests.service.searches import epoch_report, lease, start_trial


@contextmanager
def events(live: Live, study_id: str, last_event_id: str | None = None) -> Iterator[Iterator[int]]:
    """The revisions that a listener is told."""
    headers = {} if last_event_id is None else {"last-event-id": last_event_id}
    with live.http.stream("GET", f"/v1/studies/{study_id}/events", headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield _revisions(response)


def _revisions(response: httpx.Response) -> Iterator[int]:
    revision = None
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if name == "data":
            revision = json.loads(value)["revision"]
        elif name == "id":
            assert revision is not None
            assert int(value) == revision
            yield revision


def test_each_change_is_told(shared: Live) -> None:
    study = shared.create()
    with events(shared, study["id"]) as told:
        assert next(told) == study["revision"]
        trial = start_trial(shared.store, study["id"])
        first = next(told)
        assert first > study["revision"]
        shared.store.dispatch.record_epochs(lease(shared.store), trial.id, trial.attempt, [epoch_report(1)])
        second = next(told)
        assert second > first
    assert shared.http.get(f"/v1/studies/{study['id']}").json()["revision"] == second


def test_a_listener_that_comes_back_hears_only_what_is_new(shared: Live) -> None:
    study = shared.create()
    with events(shared, study["id"], last_event_id=str(study["revision"])) as told:
        paused = shared.http.post(f"/v1/studies/{study['id']}:pause").json()
        assert next(told) == paused["revision"]
    with events(shared, study["id"], last_event_id=str(study["revision"])) as told:
        assert next(told) == paused["revision"]


@pytest.mark.parametrize("last_event_id", ["nonsense", "-1", "999999999999999999999999"])
def test_other_ids_are_taken_for_none(shared: Live, last_event_id: str) -> None:
    study = shared.create()
    with events(shared, study["id"], last_event_id) as told:
        assert next(told) == study["revision"]


def test_the_stream_ends_with_the_study(shared: Live) -> None:
    study = shared.create()
    with events(shared, study["id"]) as told:
        next(told)
        shared.http.post(f"/v1/studies/{study['id']}:cancel")
        next(told)
        assert shared.http.delete(f"/v1/studies/{study['id']}").status_code == 204
        assert list(told) == []


def test_a_study_that_is_not_there(shared: Live) -> None:
    assert_problem(shared.http.get("/v1/studies/missing/events"), 404, "not-found")
