import base64
import json
import logging
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service import logs
from service.webhook import WebhookSender
from tests.service.api.problems import assert_problem
from tests.service.live import Live, live_service
from tests.service.searches import finished_trial, start_trial


def samples(live: Live) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    response = live.http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def labels(**values: str) -> frozenset[tuple[str, str]]:
    return frozenset(values.items())


def test_the_state_of_the_webhooks_sender_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "whsec_" + base64.b64encode(bytes(32)).decode()
    with live_service(tmp_path, webhook_url="https://example.org", webhook_secret=secret) as live:
        assert live.http.get("/readyz").json()["checks"][-1] == {
            "name": "webhook",
            "ok": True,
            "detail": "active",
        }
        assert samples(live)["spnas_webhook_running", labels()] == 1
        monkeypatch.setattr(WebhookSender, "is_running", False)
        response = live.http.get("/readyz")
        assert (response.status_code, response.json()["checks"][-1]["detail"]) == (503, "not running")
        assert samples(live)["spnas_webhook_running", labels()] == 0


def test_metrics_say_what_the_database_holds(live: Live) -> None:
    empty = samples(live)
    assert empty["spnas_studies", labels(state="running")] == 0
    study_id = live.create()["id"]
    live.create()
    finished_trial(live.store, study_id, epochs=4)
    start_trial(live.store, study_id)
    filled = samples(live)
    assert filled["spnas_studies", labels(state="running")] == 1
    assert filled["spnas_studies", labels(state="pending")] == 1
    assert filled["spnas_trials", labels(state="completed")] == 1
    assert filled["spnas_trials", labels(state="running")] == 1
    assert filled["spnas_epochs", labels()] == 4


def test_requests_are_counted_by_operation(live: Live) -> None:
    study_id = live.create()["id"]
    for _ in range(3):
        live.http.get(f"/v1/studies/{study_id}")
    live.http.get("/v1/studies/missing")
    found = samples(live)
    assert found["spnas_requests_total", labels(method="GET", operation="get_study", status="200")] == 3
    assert found["spnas_requests_total", labels(method="GET", operation="get_study", status="404")] == 1
    assert found["spnas_request_seconds_count", labels(operation="get_study")] == 4
    assert not any(study_id in str(key) for key in found)


@pytest.mark.parametrize("sent", ["order-7", "a.b_C-1"])
def test_a_plain_request_id_comes_back(shared: Live, sent: str) -> None:
    response = shared.http.get("/v1/studies/missing", headers={"x-request-id": sent})
    assert response.headers["x-request-id"] == sent
    assert assert_problem(response, 404, "not-found")["request_id"] == sent


@pytest.mark.parametrize("sent", ["", "x" * 65, 'a"b', "a b"])
def test_another_one_is_replaced(shared: Live, sent: str) -> None:
    response = shared.http.get("/v1/solvers", headers={"x-request-id": sent})
    assert response.headers["x-request-id"] not in ("", sent)


def test_each_request_is_logged(shared: Live, caplog: pytest.LogCaptureFixture) -> None:
    def logged() -> list[Any]:
        return [record for record in caplog.records if getattr(record, "path", "") == "/v1/studies/logged"]

    with caplog.at_level(logging.INFO, "service.api.request_context"):
        shared.http.get("/v1/studies/logged")
        deadline = time.monotonic() + 5  # the line is written after the answer is sent
        while not logged() and time.monotonic() < deadline:
            time.sleep(0.01)
    (record,) = logged()
    assert (record.method, record.status) == ("GET", 404)


def test_lines_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        logs.configure("json", "INFO")
        logging.getLogger("service.x").info("study %s", "s1", extra={"trial": 3})
        try:
            raise ValueError("broken")
        except ValueError:
            logging.getLogger("service.x").exception("failed")
        logging.getLogger("service.x").debug("not written")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["event"], first["trial"], first["level"], first["logger"]) == (
        "study s1",
        3,
        "info",
        "service.x",
    )
    assert first["timestamp"].endswith("Z")
    assert not any(name.startswith("_") for name in first)
    assert "ValueError: broken" in second["exception"]
