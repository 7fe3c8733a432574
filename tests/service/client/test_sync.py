import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from nas_worker.platform import load_platform
from service.api.schemas import Study, StudyPatch, StudySpec
from service.client import (
    ApiConflictError,
    ApiError,
    ApiNoBestTrialError,
    ApiNotFoundError,
    ApiPreconditionFailedError,
    ApiValidationError,
    Client,
    ServiceUnreachableError,
)
from service.domain.states import StudyState, TrialState
from solver.composite import Composite
from tests.service.live import Live
from tests.service.searches import ARCHITECTURE, finished_trial, start_trial

SPEC = StudySpec(target_runtime_ms=80, budget_epochs=40)


def test_a_study_from_creation_to_deletion(client: Client) -> None:
    study = client.create_study(SPEC)
    assert isinstance(study, Study)
    assert study.spec == SPEC.model_copy(update={"name": "pixel1 at 80 ms"})
    assert client.get_study(study.id) == study
    assert client.pause(study.id).state is StudyState.PAUSED
    assert client.resume(study.id).state is StudyState.PENDING
    with pytest.raises(ApiConflictError):
        client.delete(study.id)
    assert client.cancel(study.id).state is StudyState.CANCELLED
    client.delete(study.id)
    with pytest.raises(ApiNotFoundError) as caught:
        client.get_study(study.id)
    assert caught.value.code == "not-found"
    assert caught.value.problem.status == 404


def test_what_happened_comes_page_by_page(client: Client, live: Live) -> None:
    study = client.create_study(SPEC)
    finished_trial(live.store, study.id)
    events = list(client.history(study.id, page_size=2))
    assert [event.id for event in events] == sorted((event.id for event in events), reverse=True)
    assert [event.state for event in events if event.trial == 0] == ["completed", "running", "queued"]
    assert list(client.history(study.id, trial=0)) == [event for event in events if event.trial == 0]


def test_only_the_fields_that_are_set_are_sent(client: Client) -> None:
    study = client.create_study(SPEC)
    changed = client.update(study.id, StudyPatch(notes="checked"), if_revision=study.revision)
    assert changed.spec == study.spec.model_copy(update={"notes": "checked"})
    with pytest.raises(ApiPreconditionFailedError):
        client.update(study.id, StudyPatch(notes="too late"), if_revision=study.revision)


def test_idempotency_keys(client: Client) -> None:
    first = client.create_study(SPEC, idempotency_key="mine")
    assert client.create_study(SPEC, idempotency_key="mine").id == first.id
    assert client.create_study(SPEC).id != first.id
    with pytest.raises(ApiValidationError) as caught:
        client.create_study(SPEC.model_copy(update={"seed": 1}), idempotency_key="mine")
    assert caught.value.code == "idempotency-key-reused"
    assert caught.value.errors == ()


def test_validation_errors_carry_the_fields(client: Client) -> None:
    with pytest.raises(ApiValidationError, match="there is no 'nexus'") as caught:
        client.create_study(SPEC.model_copy(update={"platform": "nexus"}))
    assert [error.field for error in caught.value.errors] == ["platform"]


def test_lists_go_over_all_pages(live: Live, client: Client) -> None:
    ids = [client.create_study(SPEC.model_copy(update={"name": "paged"})).id for _ in range(5)]
    assert [study.id for study in client.list_studies(query="paged", page_size=2)] == ids[::-1]
    assert list(client.list_studies(query="paged", states=[StudyState.FAILED])) == []
    for lambda_ in (3.0, 1.0, 2.0):
        start_trial(live.store, ids[0], lambda_=lambda_)
    trials = client.trials(ids[0], order_by="lambda", page_size=1, states=[TrialState.RUNNING])
    assert [trial.lambda_ for trial in trials] == [1.0, 2.0, 3.0]
    changed = client.trial(ids[0], 2).updated_at
    assert [trial.number for trial in client.trials(ids[0], updated_since=changed)] == [2]


def test_what_a_study_found(live: Live, client: Client) -> None:
    study_id = client.create_study(SPEC).id
    with pytest.raises(ApiNoBestTrialError):
        client.best(study_id)
    finished_trial(live.store, study_id, accuracy=0.9, runtime_ms=100)
    assert client.best(study_id).reward == pytest.approx(0.72)
    assert client.best(study_id, target_runtime_ms=100).reward == pytest.approx(0.9)
    assert client.best(study_id).architecture == ARCHITECTURE
    assert client.trial(study_id, 0).architecture == ARCHITECTURE
    assert [epoch.epoch for epoch in client.epochs(study_id, 0)] == list(range(1, 9))
    assert client.figure(study_id, "progress")["data"]
    assert b"".join(client.trials_csv(study_id)).startswith(b"number,state,lambda")
    with pytest.raises(ApiNotFoundError):
        list(client.trials_csv("missing"))


def test_retarget(live: Live, client: Client) -> None:
    study_id = client.create_study(SPEC).id
    with pytest.raises(ApiConflictError, match="no finished trial"):
        client.retarget(study_id, 100)
    finished_trial(live.store, study_id, accuracy=0.9, runtime_ms=100)
    study = client.retarget(study_id, 100)
    assert study.state is StudyState.COMPLETED
    assert client.best(study.id).reward == pytest.approx(0.9)
    assert client.retarget(study_id, 100, budget_epochs=8).state is StudyState.PENDING


def test_several_targets(live: Live, client: Client) -> None:
    spec = StudySpec(target_runtime_ms=(80, 60), budget_epochs=40, solver=Composite())
    study = client.create_study(spec)
    assert (study.spec.targets_ms, study.spec.solver) == ((80, 60), Composite())
    assert study.bests == ()
    for accuracy, runtime_ms in ((0.9, 78), (0.8, 59)):
        finished_trial(live.store, study.id, accuracy=accuracy, runtime_ms=runtime_ms)
    found = client.get_study(study.id)
    assert [(target, best.number) for target, best in found.bests] == [(80, 0), (60, 1)]
    best = client.best(study.id)
    assert best.per_target(80) == found.bests
    assert (best.number, best.reward) == (0, 0.9)
    other = client.best(study.id, target_runtime_ms=100)
    assert other.per_target(100) == ((100, other),)
    again = client.retarget(study.id, [60, 100])
    assert [(target, best.number) for target, best in again.bests] == [(60, 1), (100, 0)]
    single = client.retarget(study.id, [60])
    assert (single.spec.target_runtime_ms, single.best_per_target) == (60, None)
    assert single.best is not None
    assert single.bests == ((60, single.best),)


def test_recommendations(live: Live, client: Client) -> None:
    spec = StudySpec(target_runtime_ms=(80, 60), budget_epochs=40, solver=Composite())
    study_id = client.create_study(spec).id
    with pytest.raises(ApiNoBestTrialError, match="composite"):
        client.recommendations(study_id)
    finished_trial(live.store, study_id, accuracy=0.9, runtime_ms=78)
    first, second = client.recommendations(study_id)
    assert (first.target_runtime_ms, second.target_runtime_ms) == (80, 60)
    assert (first.basis, first.best_number, first.nearest_number) == ("model", 0, 0)
    assert first.runtime_ms is not None
    assert first.runtime_ms.low < first.runtime_ms.mean < first.runtime_ms.high
    assert client.recommendations(study_id, target_runtime_ms=60) == (second,)


def test_platforms_and_solvers(client: Client) -> None:
    assert "pixel1" in [platform.name for platform in client.platforms()]
    assert client.platform("pixel1") == load_platform("pixel1")
    with pytest.raises(ApiConflictError):
        client.put_platform("pixel1", load_platform("pixel1"))
    assert "bayesian" in [solver.kind for solver in client.solvers()]


@pytest.mark.parametrize("study_id", ["../platforms", "a/b", "?x=1", "#", "ä", ".", "..", ""])
def test_ids_cannot_leave_their_place_in_the_path(client: Client, study_id: str) -> None:
    with pytest.raises(ApiError) as caught:
        client.get_study(study_id)
    assert caught.value.problem.status in (404, 405)


def test_wait_reports_each_change_and_ends_with_the_study(live: Live, client: Client) -> None:
    study_id = client.create_study(SPEC).id
    seen: list[tuple[StudyState, int]] = []

    def advance(study: Study) -> None:
        seen.append((study.state, study.spent_epochs))
        if study.state is StudyState.PENDING:
            finished_trial(live.store, study_id)
        else:
            client.cancel(study_id)

    study = client.wait(study_id, advance, poll_seconds=0.01)
    assert study.state is StudyState.CANCELLED
    assert seen[0] == (StudyState.PENDING, 0)
    assert seen[1] == (StudyState.RUNNING, 8)
    assert len(seen) == 3 or seen[-2] == (StudyState.CANCELLED, 8)
    assert seen[-1] == (StudyState.CANCELLED, 8)


def test_wait_gives_up_in_time(client: Client) -> None:
    study_id = client.create_study(SPEC).id
    with pytest.raises(TimeoutError, match=r"not done after 0\.1 s"):
        client.wait(study_id, timeout_seconds=0.1, poll_seconds=0.02)


def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with Client(url, retries=0) as client:
            with pytest.raises(ServiceUnreachableError, match="no service answers at"):
                client.get_study("x")
            with pytest.raises(ServiceUnreachableError):
                list(client.trials_csv("x"))


class Overloaded(BaseHTTPRequestHandler):
    """Answers 503 to the first requests, and then 404 without a problem document."""

    requests: ClassVar[list[str]] = []
    busy_for = 2

    def do_GET(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.requests.append(self.command)
        self.send_response(503 if len(self.requests) <= self.busy_for else 404)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Says nothing."""


@pytest.fixture
def overloaded() -> Iterator[str]:
    Overloaded.requests.clear()
    with HTTPServer(("127.0.0.1", 0), Overloaded) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_safe_calls_are_sent_again(overloaded: str) -> None:
    with Client(overloaded) as client, pytest.raises(ApiNotFoundError, match="without a problem document"):
        client.get_study("x")
    assert Overloaded.requests == ["GET"] * 3


def test_others_are_not(overloaded: str) -> None:
    with Client(overloaded) as client, pytest.raises(ApiError) as caught:
        client.delete("x")
    assert caught.value.problem.status == 503
    assert Overloaded.requests == ["DELETE"]
