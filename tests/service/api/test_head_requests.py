import time

import pytest

from tests.service.live import Live
from tests.service.searches import finished_trial


@pytest.mark.parametrize(
    "path", ["/healthz", "/v1/studies", "/v1/studies/{id}", "/v1/studies/{id}/trials.csv", "/docs"]
)
def test_head_is_get_without_the_body(shared: Live, path: str) -> None:
    study_id = shared.create()["id"]
    finished_trial(shared.store, study_id)
    plain = {"accept-encoding": "identity"}
    path = path.format(id=study_id)
    whole, head = (shared.http.request(method, path, headers=plain) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (200, b"")
    changing = ("date", "x-request-id")
    assert {name: value for name, value in head.headers.items() if name not in changing} == {
        name: value for name, value in whole.headers.items() if name not in changing
    }


def test_what_is_not_there_is_not_there_for_head_either(shared: Live) -> None:
    for path in ("/v1/studies/missing", "/v1/nothing"):
        assert shared.http.head(path).status_code == 404
    assert shared.http.head("/v1/studies/x:pause").status_code == 405


def test_a_stream_ends_at_once(shared: Live) -> None:
    study_id = shared.create()["id"]
    begin = time.monotonic()
    head = shared.http.head(f"/v1/studies/{study_id}/events")
    assert head.headers["content-type"].startswith("text/event-stream")
    assert shared.http.get("/healthz").status_code == 200
    assert time.monotonic() - begin < 5
