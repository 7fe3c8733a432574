"""Studies with several targets over the API. Lists that are not acceptable are among the bad input."""

import csv
import io
from typing import Any

import plotly.graph_objects as go
import pytest

from service import figures
from tests.service.api.problems import assert_invalid, assert_problem
from tests.service.live import Live
from tests.service.searches import finished_trial, start_trial

TARGETS = [80, 60.5, 100]
BEST = {80: (1, 0.9), 60.5: (2, 0.8), 100: (0, 0.95)}
"""Number and reward of the best trial by target."""


def fill(live: Live, study_id: str) -> None:
    for accuracy, runtime_ms in ((0.95, 100.0), (0.9, 78.0), (0.8, 59.0)):
        finished_trial(live.store, study_id, accuracy=accuracy, runtime_ms=runtime_ms)
    start_trial(live.store, study_id)


@pytest.fixture
def study(shared: Live) -> str:
    """A study for three targets, with a best trial for each and one that runs."""
    study_id = str(shared.create(name="phones", target_runtime_ms=TARGETS)["id"])
    fill(shared, study_id)
    return study_id


def read(live: Live, path: str, **params: Any) -> dict[str, Any]:
    response = live.http.get(f"/v1/studies/{path}", params=params)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_a_list_is_echoed_in_its_order(shared: Live) -> None:
    study = shared.create(target_runtime_ms=[80, 60.5])
    assert study["spec"]["target_runtime_ms"] == [80, 60.5]
    assert study["spec"]["name"] == "pixel1 at 80, 60.5 ms"
    assert study["best"] is None
    assert "best_per_target" not in study
    assert read(shared, study["id"]) == study


def test_one_target_looks_as_it_always_did(shared: Live) -> None:
    as_number, as_list = shared.create(target_runtime_ms=80), shared.create(target_runtime_ms=[80])
    assert as_list["spec"] == as_number["spec"]
    assert as_number["spec"]["target_runtime_ms"] == 80
    for study_id in (as_number["id"], as_list["id"]):
        fill(shared, study_id)
        assert "best_per_target" not in read(shared, study_id)
        assert read(shared, f"{study_id}/best") == read(shared, study_id)["best"]
        header = shared.http.get(f"/v1/studies/{study_id}/trials.csv").text.splitlines()[0]
        assert header.split(",").count("reward") == 1
        assert "_ms_" not in header


def test_the_most_targets_with_the_longest_name(shared: Live) -> None:
    platform = shared.http.get("/v1/platforms/pixel1").json()
    name = "p" * 100
    assert shared.http.put(f"/v1/platforms/{name}", json={**platform, "name": name}).status_code in (200, 201)
    targets = [90.12345 + 0.01 * number for number in range(8)]
    study = shared.create(target_runtime_ms=targets, platform=name)
    assert study["spec"]["target_runtime_ms"] == targets
    assert study["spec"]["name"].startswith(f"{name} at 90.1235, ")


def test_every_target_out_of_reach_has_its_warning(shared: Live) -> None:
    warnings = shared.create(target_runtime_ms=[1, 80, 500])["warnings"]
    assert len(warnings) == 2
    assert "as fast as 1 ms" in warnings[0]
    assert "faster than 500 ms" in warnings[1]


def test_each_target_has_its_best(shared: Live, study: str) -> None:
    found = read(shared, study)
    per_target = [
        (each["target_runtime_ms"], (each["trial"]["number"], each["trial"]["reward"]))
        for each in found["best_per_target"]
    ]
    assert per_target == list(BEST.items())
    assert found["best"] == found["best_per_target"][0]["trial"]
    best = read(shared, f"{study}/best")
    assert best == {**found["best"], "best_per_target": found["best_per_target"]}
    for target, (number, reward) in BEST.items():
        one = read(shared, f"{study}/best", target_runtime_ms=target)
        assert (one["number"], one["reward"]) == (number, reward)
        assert "best_per_target" not in one
    assert found in shared.http.get("/v1/studies").json()["studies"]


def test_no_best_yet(shared: Live) -> None:
    study_id = shared.create(target_runtime_ms=TARGETS)["id"]
    assert_problem(shared.http.get(f"/v1/studies/{study_id}/best"), 404, "no-best-trial")


def test_csv_has_the_reward_for_every_target(shared: Live, study: str) -> None:
    text = shared.http.get(f"/v1/studies/{study}/trials.csv").text
    rows = list(csv.DictReader(io.StringIO(text)))
    columns = {80: "reward", 60.5: "reward_60.5_ms", 100: "reward_100_ms"}
    assert list(rows[0])[-2:] == ["reward_60.5_ms", "reward_100_ms"]
    for target, (number, reward) in BEST.items():
        rewards = [float(row[columns[target]]) for row in rows[:3]]
        assert rewards[number] == max(rewards) == reward
    assert [rows[3][column] for column in columns.values()] == ["", "", ""], "it runs"


def test_retargeting_takes_a_number_or_a_list(shared: Live, study: str) -> None:
    url = f"/v1/studies/{study}:retarget"
    several = shared.http.post(url, json={"target_runtime_ms": [100, 60.5]}).json()
    assert several["spec"]["target_runtime_ms"] == [100, 60.5]
    assert several["spec"]["name"] == "phones for 100, 60.5 ms"
    assert [each["trial"]["number"] for each in several["best_per_target"]] == [0, 2]
    for single in (60.5, [60.5]):
        one = shared.http.post(url, json={"target_runtime_ms": single, "budget_epochs": 8}).json()
        assert one["spec"]["target_runtime_ms"] == 60.5
        assert one["best"]["number"] == 2
        assert "best_per_target" not in one
    for bad in ([], [60, 60], [*range(1, 10)]):
        assert_invalid(shared.http.post(url, json={"target_runtime_ms": bad}), "target_runtime_ms")
    assert_invalid(shared.http.post(url, json={"target_runtime_ms": [60, -1]}), "target_runtime_ms.1")


@pytest.mark.parametrize("name", figures.NAMES)
def test_every_figure_takes_several_targets(shared: Live, study: str, name: str) -> None:
    chart = go.Figure(read(shared, f"{study}/figures/{name}"))
    assert chart.data
    if name in ("tradeoff", "frontier"):
        texts = [annotation.text for annotation in chart.layout.annotations]
        assert [text for text in texts if text.startswith("target")] == [
            "target 80 ms", "target 60.5 ms", "target 100 ms",
        ]  # fmt: skip
        stars = [trace for trace in chart.data if trace.name == "recommended" and trace.showlegend]
        assert len(stars) == 1, "one entry in the legend for all"
