"""Solvers, figures, health, the OpenAPI document and the reference page."""

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from sqlalchemy import text

from service import figures
from service.dispatch import Dispatcher, DispatcherStatus, DispatchSettings
from solver.registry import SOLVERS
from tests.service.api.problems import assert_problem
from tests.service.live import Live, live_service
from tests.service.searches import finished_trial


def test_solvers_show_their_options(shared: Live) -> None:
    solvers = {s["kind"]: s for s in shared.http.get("/v1/solvers").json()["solvers"]}
    assert len(solvers) == len(SOLVERS)
    assert {"bayesian", "multi_fidelity", "random", "grid"} <= solvers.keys()
    for kind, solver in solvers.items():
        assert solver["description"]
        assert solver["options"]["properties"]["kind"]["const"] == kind
        assert shared.create(solver={"kind": kind})["spec"]["solver"]["kind"] == kind


@pytest.mark.parametrize("name", figures.NAMES)
def test_figures_are_plotly_figures(shared: Live, name: str) -> None:
    study_id = shared.create()["id"]
    finished_trial(shared.store, study_id)
    response = shared.http.get(f"/v1/studies/{study_id}/figures/{name}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert go.Figure(response.json()).data


def test_figures_compare_studies(shared: Live) -> None:
    ids = [shared.create(name=name)["id"] for name in ("one", "two")]
    for study_id in ids:
        finished_trial(shared.store, study_id)
    url = f"/v1/studies/{ids[0]}/figures/compare"
    alone = shared.http.get(url)
    both = shared.http.get(url, params={"compare_with": ids[1]})
    assert "two" in both.text
    assert "two" not in alone.text
    assert_problem(shared.http.get(url, params={"compare_with": "missing"}), 404, "not-found")


def test_figures_that_are_not_there(shared: Live) -> None:
    study_id = shared.create()["id"]
    problem = assert_problem(shared.http.get(f"/v1/studies/{study_id}/figures/pie"), 404, "not-found")
    assert "progress" in problem["detail"]


def test_health_and_readiness(shared: Live) -> None:
    assert shared.http.get("/healthz").json() == {"status": "ok"}
    response = shared.http.get("/readyz")
    assert response.status_code == 200
    assert response.json()["ready"] is True
    assert [check["name"] for check in response.json()["checks"]] == ["database", "migrations"]


@pytest.mark.parametrize("needs_token", [False, True])
def test_ray_and_the_lease_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs_token: bool
) -> None:
    def checked(live: Live) -> tuple[int, dict[str, tuple[bool, str]]]:
        response = live.http.get("/readyz")
        checks = response.json()["checks"]
        return response.status_code, {check["name"]: (check["ok"], check["detail"]) for check in checks}

    with live_service(tmp_path, require_token=needs_token) as live:
        live.app.state.dispatcher = Dispatcher(live.store, DispatchSettings(checkpoint_dir=str(tmp_path)))
        status, checks = checked(live)
        assert status == 503
        assert checks["ray"] == (False, "not connected yet")
        assert checks["lease"] == (False, "the dispatcher is stopped")
        for role in ("active", "standby"):
            now = DispatcherStatus(role=role, engine_connected=True)
            monkeypatch.setattr(Dispatcher, "status", now)
            status, checks = checked(live)
            assert (status, checks["ray"]) == (200, (True, "connected"))
            assert checks["lease"][1].startswith(role)
        monkeypatch.setattr(Dispatcher, "status", replace(now, error="no answer from 10.0.0.1"))
        status, checks = checked(live)
        assert status == 503
        assert ("10.0.0.1" in checks["lease"][1]) is not needs_token


def test_a_database_of_another_version_is_not_ready(live: Live) -> None:
    with live.app.state.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    response = live.http.get("/readyz")
    assert response.status_code == 503
    assert response.json()["ready"] is False
    (migrations,) = [check for check in response.json()["checks"] if not check["ok"]]
    assert migrations["name"] == "migrations"
    assert migrations["detail"].startswith("version older; this service needs ")


def test_large_answers_are_compressed(shared: Live) -> None:
    with shared.http.stream("GET", "/openapi.json", headers={"accept-encoding": "gzip"}) as response:
        assert response.headers["content-encoding"] == "gzip"
        assert json.loads(gzip.decompress(b"".join(response.iter_raw())))["openapi"]


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_openapi_document_is_stable_and_described(shared: Live) -> None:
    document = shared.http.get("/openapi.json").json()
    ids = {name: operation["operationId"] for name, operation in operations(document).items()}
    assert ids == {
        "POST /v1/studies": "create_study",
        "GET /v1/studies": "list_studies",
        "GET /v1/studies/{study_id}": "get_study",
        "PATCH /v1/studies/{study_id}": "update_study",
        "DELETE /v1/studies/{study_id}": "delete_study",
        "GET /v1/studies/{study_id}/best": "get_best_trial",
        "GET /v1/studies/{study_id}/recommendation": "get_recommendation",
        "POST /v1/studies/{study_id}:pause": "pause_study",
        "POST /v1/studies/{study_id}:resume": "resume_study",
        "POST /v1/studies/{study_id}:cancel": "cancel_study",
        "POST /v1/studies/{study_id}:retarget": "retarget_study",
        "GET /v1/studies/{study_id}/events": "watch_study",
        "GET /v1/studies/{study_id}/history": "list_history",
        "GET /v1/studies/{study_id}/trials": "list_trials",
        "GET /v1/studies/{study_id}/trials.csv": "export_trials",
        "GET /v1/studies/{study_id}/trials/{number}": "get_trial",
        "GET /v1/studies/{study_id}/trials/{number}/epochs": "list_epochs",
        "GET /v1/frontier": "get_frontier",
        "GET /v1/studies/{study_id}/trials/{number}/artifacts": "list_artifacts",
        "GET /v1/studies/{study_id}/trials/{number}/artifacts/{name}": "get_artifact",
        "GET /v1/studies/{study_id}/figures/{name}": "get_figure",
        "GET /v1/platforms": "list_platforms",
        "GET /v1/platforms/{name}": "get_platform",
        "PUT /v1/platforms/{name}": "put_platform",
        "GET /v1/solvers": "list_solvers",
        "GET /healthz": "get_health",
        "GET /readyz": "get_readiness",
    }
    for name, operation in operations(document).items():
        assert operation["summary"], name
        assert operation["description"], name
        for status, response in operation["responses"].items():
            if status >= "400" and name != "GET /readyz":
                assert list(response["content"]) == ["application/problem+json"], (name, status)
    text = json.dumps(document)
    for target in re.findall(r'"#/components/schemas/([^"]+)"', text):
        assert target in document["components"]["schemas"]
    assert "HTTPValidationError" not in text


def test_answers_and_bodies_have_examples(shared: Live) -> None:
    document = shared.http.get("/openapi.json").json()
    # Tables, schemas, figures and files are long.
    without = ("get_platform", "put_platform", "list_solvers", "get_figure", "get_artifact")
    page = shared.http.get("/docs").text
    for operation in operations(document).values():
        for status, response in operation["responses"].items():
            content = response.get("content", {}).get("application/json")
            if content and status < "300" and operation["operationId"] not in without:
                assert content["example"], operation["operationId"]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body and operation["operationId"] not in without:
            assert "examples" in body or "examples" in body["schema"]
    assert "Example of 201" in page
    assert "&#34;budget_epochs&#34;: 800" in page


def test_the_reference_page_needs_nothing_from_elsewhere(shared: Live) -> None:
    page = shared.http.get("/docs")
    assert page.status_code == 200
    document = shared.http.get("/openapi.json").json()
    for operation in operations(document).values():
        assert f'id="{operation["operationId"]}"' in page.text
    for name in document["components"]["schemas"]:
        assert f'id="schema-{name}"' in page.text
    assert "<script" not in page.text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)
    for link in re.findall(r'href="#([^"]+)"', page.text):
        assert f'id="{link}"' in page.text
    assert shared.http.get("/docs/style.css").headers["content-type"].startswith("text/css")
