"""The shipped Grafana dashboard asks for nothing that /metrics does not have."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric
from starlette.requests import Request

from service.api.metrics import Metrics
from service.db.engine import opened_engine
from service.db.store import Store
from service.dispatch import Dispatcher, DispatchSettings

DASHBOARD: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "docker" / "grafana-dashboard.json").read_text("utf-8")
)
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
SUFFIXES = {"gauge": [""], "counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
OF_PROMETHEUS = {"job", "instance", "le"}


@pytest.fixture
def families(migrated_sqlite: Path, tmp_path: Path) -> Iterator[list[Metric]]:
    with opened_engine(f"sqlite:///{migrated_sqlite}") as engine:
        store = Store(engine)
        dispatcher = Dispatcher(store, DispatchSettings(checkpoint_dir=str(tmp_path)))
        dispatcher.timings.suggestion_seconds.labels("random").observe(0.1)
        metrics = Metrics(store, engine, dispatcher, None)
        answered = Request({"type": "http", "method": "GET", "route": SimpleNamespace(name="get_study")})
        metrics.count_request(answered, 200, 0.01)
        yield list(metrics.registry.collect())


def names(expression: str) -> set[str]:
    return set(re.findall(r"\bspnas_\w+", expression))


def test_its_metrics_and_labels_exist(families: list[Metric]) -> None:
    samples = {family.name + suffix for family in families for suffix in SUFFIXES[family.type]}
    labels = {label for family in families for sample in family.samples for label in sample.labels}
    assert len(EXPRESSIONS) > len(DASHBOARD["panels"])
    for expression in EXPRESSIONS:
        assert names(expression), expression
        assert names(expression) <= samples
        used = set(re.findall(r"(\w+)(?:=~|!=|=)\"", expression))
        for group in re.findall(r"by \(([^)]*)\)", expression):
            used |= {label.strip() for label in group.split(",")}
        assert used <= labels | OF_PROMETHEUS, expression
    for variable in DASHBOARD["templating"]["list"]:
        assert names(variable["query"]) <= samples


def test_every_metric_is_shown(families: list[Metric]) -> None:
    shown = "".join(EXPRESSIONS)
    assert [family.name for family in families if family.name not in shown] == []


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        columns = range(place["x"], place["x"] + place["w"])
        cells = {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}
        assert columns[-1] < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
