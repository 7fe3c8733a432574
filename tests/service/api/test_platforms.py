from typing import Any

import pytest

from nas_worker.platform import load_platform
from tests.service.api.problems import assert_invalid, assert_problem
from tests.service.live import Live


@pytest.fixture
def table() -> dict[str, Any]:
    """A platform of a user: pixel1 at half the speed."""
    pixel: dict[str, Any] = load_platform("pixel1").model_dump(mode="json")
    layers = {layer: [2 * ms for ms in row] for layer, row in pixel["layers"].items()}
    return {**pixel, "name": "slow-pixel", "base_ms": 2 * pixel["base_ms"], "layers": layers}


def test_the_shipped_platform_is_listed_with_its_reach(shared: Live) -> None:
    platforms = {p["name"]: p for p in shared.http.get("/v1/platforms").json()["platforms"]}
    pixel = load_platform("pixel1")
    assert platforms["pixel1"] == {
        "name": "pixel1",
        "source": pixel.source,
        "min_runtime_ms": pixel.min_ms,
        "max_runtime_ms": pixel.max_ms,
        "shipped": True,
    }
    assert shared.http.get("/v1/platforms/pixel1").json() == pixel.model_dump(mode="json")


def test_a_platform_of_ones_own(shared: Live, table: dict[str, Any]) -> None:
    assert_problem(shared.http.get("/v1/platforms/slow-pixel"), 404, "not-found")
    for _ in range(2):
        response = shared.http.put("/v1/platforms/slow-pixel", json=table)
        assert (response.status_code, response.json()) == (200, table)
    assert shared.http.get("/v1/platforms/slow-pixel").json() == table
    listed = shared.http.get("/v1/platforms").json()["platforms"]
    assert [(p["name"], p["shipped"]) for p in listed] == [("pixel1", True), ("slow-pixel", False)]
    assert shared.create(platform="slow-pixel", target_runtime_ms=160)["warnings"] == []
    response = shared.http.post("/v1/studies", json={"target_runtime_ms": 80, "platform": "fast-pixel"})
    assert "pixel1, slow-pixel" in assert_invalid(response, "platform")["platform"]


def test_platforms_that_are_refused(shared: Live, table: dict[str, Any]) -> None:
    assert_problem(shared.http.put("/v1/platforms/pixel1", json={**table, "name": "pixel1"}), 409, "conflict")
    assert_invalid(shared.http.put("/v1/platforms/other", json=table), "name")
    assert_invalid(shared.http.put("/v1/platforms/Bad", json={**table, "name": "Bad"}), "name")
    layers = {layer: row for layer, row in table["layers"].items() if layer != "7"}
    assert_invalid(shared.http.put("/v1/platforms/slow-pixel", json={**table, "layers": layers}), "body")
    layers = {**table["layers"], "7": [1, 2, 3, -4]}
    assert_invalid(
        shared.http.put("/v1/platforms/slow-pixel", json={**table, "layers": layers}), "layers.7.3"
    )
    assert_invalid(shared.http.put("/v1/platforms/slow-pixel", json={**table, "unit": "s"}), "unit")
