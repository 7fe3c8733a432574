from typing import Any

import pytest

from service.domain.spec import StudySpec
from tests.service.dashboard.filled import Studies
from tests.service.live import Live


def check(live: Live, spec: Any) -> dict[str, Any]:
    answer = live.http.post("/studies/check", json=spec)
    assert answer.status_code == 200
    result: dict[str, Any] = answer.json()
    return result


@pytest.mark.parametrize(
    "spec",
    [
        {"target_runtime_ms": -1},
        {"target_runtime_ms": "80"},
        {},
        [],
        {"target_runtime_ms": 80, "lambda_range": {"low": 3, "high": 1}},
        {"target_runtime_ms": 80, "epochs": {"min": 9, "max": 8}},
        {"target_runtime_ms": 80, "budget_epochs": 3},
        {"target_runtime_ms": 80, "solver": {"kind": "magic"}},
        {"target_runtime_ms": 80, "solver": {"kind": "bayesian", "luck": 1}},
        {"target_runtime_ms": 80, "colour": "red", "search": {"width": -1}},
    ],
)
def test_the_check_says_what_the_api_would_say(live: Live, spec: Any) -> None:
    refused = live.http.post("/v1/studies", json=spec)
    assert refused.status_code == 422
    assert check(live, spec)["errors"] == refused.json()["errors"]


def test_the_check_tells_the_cost(live: Live, studies: Studies) -> None:
    before = live.http.get("/v1/studies").json()
    result = check(live, {"target_runtime_ms": 80, "budget_epochs": 100})
    assert result["errors"] == []
    assert result["cost"].startswith("100 epochs: 12 trials at full fidelity (8 epochs), about ")
    assert "“Done”" in result["cost"]
    unlike = check(live, {"target_runtime_ms": 80, "search": {"width": 0.5}})
    assert "no estimate of the time" in unlike["cost"]
    assert live.http.get("/v1/studies").json() == before


def test_the_form_offers_every_setting_with_its_default_and_limits(live: Live) -> None:
    html = live.http.get("/studies/new").text
    fields = set(StudySpec.model_fields) - {"solver"}
    assert all(f'data-path="{field}' in html for field in fields)
    assert 'data-path="budget_epochs" data-kind="number" value="400"' in html
    assert 'max="1000000"' in html
    assert all(f'value="{kind}"' in html for kind in ("bayesian", "multi_fidelity", "random", "grid"))


def test_a_clone_starts_from_the_settings_of_its_original(live: Live) -> None:
    study = live.create(budget_epochs=123, tags=["a", "b"], solver={"kind": "grid", "repeats": 3})
    html = live.http.get(f"/studies/new?clone={study['id']}").text
    assert 'value="123"' in html
    assert 'value="a, b"' in html
    assert 'value="grid" checked' in html
    assert "&#34;repeats&#34;: 3" in html
    assert live.http.get("/studies/new?clone=nobody").status_code == 404
