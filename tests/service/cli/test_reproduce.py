"""The paper's experiments, as small as they run."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from nas_worker.proxy_training import initialised
from service.cli.errors import CliError
from service.cli.reproduce import table2
from service.cli.reproduce.records import Records
from tests.service.cli.conftest import run_cli

TINY = ("--quick", "--set", "width=0.05", "--set", "batch_size=32", "--max-train-images", "64")
EXPERIMENTS: dict[str, tuple[str, ...]] = {
    "fig5": ("--lambda", "30", "--set", "threshold_learning_rate=2"),
    "fig8": ("--formulation", "single_path_softmax", "--formulation", "random_rejection"),
    "fig9": ("--solver", "random", "--solver", "composite"),
    "table2": (),
}


def reproduce(name: str, out: Path, *options: str) -> dict[str, Any]:
    result = run_cli(["reproduce", name, "--out", str(out), *TINY, *options, "--json"], env={})
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def table(name: str, out: Path) -> list[dict[str, str]]:
    with (out / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_writes_table_and_figure_and_goes_on_where_it_was(name: str, tmp_path: Path) -> None:
    first = reproduce(name, tmp_path, *EXPERIMENTS[name], "--runs", "1")
    assert "Plotly" in (tmp_path / f"{name}.html").read_text("utf-8")
    assert json.loads((tmp_path / f"{name}.json").read_text("utf-8")) == first
    rows = table(name, tmp_path)
    records = tmp_path / f"{name}.records.jsonl"
    done = records.read_text("utf-8").splitlines()
    assert reproduce(name, tmp_path, *EXPERIMENTS[name], "--runs", "1") == first
    assert records.read_text("utf-8").splitlines() == done
    reproduce(name, tmp_path, *EXPERIMENTS[name], "--runs", "2")
    assert records.read_text("utf-8").splitlines()[: len(done)] == done
    assert len(table(name, tmp_path)) > len(rows)


def test_fig5_shows_every_step(tmp_path: Path) -> None:
    reproduce("fig5", tmp_path, *EXPERIMENTS["fig5"], "--runs", "1", "--epochs", "3")
    rows = table("fig5", tmp_path)
    assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert all(0 < float(row["cross_entropy"]) < 10 for row in rows)
    assert float(rows[0]["runtime_ms"]) > 140 > float(rows[-1]["runtime_ms"])


def test_fig8_samples_a_softmax_and_keeps_random_search_in_its_window(tmp_path: Path) -> None:
    found = reproduce("fig8", tmp_path, *EXPERIMENTS["fig8"], "--target", "90")
    assert [(row["formulation"], row["kind"], row["networks"]) for row in found["summary"]] == [
        ("single_path_softmax", "between searches", 2),
        ("single_path_softmax", "within a softmax", 2),
        ("random_rejection", "between searches", 2),
    ]
    runtimes_ms = [
        float(row["runtime_ms"])
        for row in table("fig8", tmp_path)
        if row["formulation"] == "random_rejection"
    ]
    assert all(84.375 <= runtime_ms <= 90 for runtime_ms in runtimes_ms)


def test_fig8_tunes_two_levels_in_a_range_of_their_own(tmp_path: Path) -> None:
    names = ("single_path_sigmoid", "single_path_softmax")
    reproduce("fig8", tmp_path, *(f"--formulation={name}" for name in names), "--runs", "1", "--tuning", "1")
    records = [json.loads(line) for line in (tmp_path / "fig8.records.jsonl").read_text("utf-8").splitlines()]
    tried = {row["key"]: row["lambda"] for row in records if "tuning 0" in row.get("key", "")}
    of_thresholds, of_two_levels = (tried[f"{name}, tuning 0"] for name in names)
    assert of_thresholds == pytest.approx((0.05 * 50) ** 0.5)
    assert of_two_levels == pytest.approx(of_thresholds / 100)


def test_fig9_is_within_the_budget_and_improves(tmp_path: Path) -> None:
    found = reproduce("fig9", tmp_path, *EXPERIMENTS["fig9"], "--runs", "1", "--epochs", "3")
    assert [row["solver"] for row in found["summary"]] == ["random", "composite"]
    rows = table("fig9", tmp_path)
    for solver in ("random", "composite"):
        own = [row for row in rows if row["solver"] == solver]
        assert int(own[-1]["spent_epochs"]) == sum(int(row["epochs"]) for row in own) <= 12
        best = max(float(row["reward"]) for row in own if row["epochs"] == "3")
        assert next(row for row in found["summary"] if row["solver"] == solver)["best_reward_mean"] == best
    cells = {(row["lambda"], row["epochs"]) for row in rows if row["solver"] == "grid search"}
    assert len(cells) == 3 * 2


def test_table2_has_both_kernels_of_one_network(tmp_path: Path) -> None:
    found = reproduce("table2", tmp_path, "--runs", "1")
    assert [(row["training"], row["kernel"]) for row in found["summary"]] == [
        ("3x3 alone", "3x3"),
        ("5x5 alone", "5x5"),
        ("both at once", "3x3"),
        ("both at once", "5x5"),
    ]


def test_a_training_that_diverges_is_said_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[nn.Module] = []

    def overflowing(make: Callable[[], nn.Module], seed: int) -> nn.Module:
        made.append(initialised(make, seed))
        if len(made) == 3:
            nn.init.constant_(next(made[-1].parameters()), torch.inf)
        return made[-1]

    monkeypatch.setattr(table2, "initialised", overflowing)
    line = ["reproduce", "table2", "--out", str(tmp_path), *TINY, "--runs", "1", "--epochs", "1"]
    for _ in range(2):  # the second time from the records
        result = run_cli([*line, "--json"], env={})
        assert result.exit_code == 0, result.output
        assert "both at once, seed 0: diverged" in result.stderr
        trainings = [row["training"] for row in json.loads(result.stdout)["summary"]]
        assert trainings == ["3x3 alone", "5x5 alone"]
        assert "NaN" not in (tmp_path / "table2.records.jsonl").read_text("utf-8")
    assert len(made) == 3


def test_a_folder_of_other_settings_is_not_mixed_in(tmp_path: Path) -> None:
    reproduce("table2", tmp_path, "--runs", "1")
    other = run_cli(["reproduce", "table2", "--out", str(tmp_path), *TINY, "--epochs", "3"], env={})
    assert other.exit_code == 2
    assert "holds an experiment with another epochs; choose another --out" in other.stderr


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("no json")
    with pytest.raises(CliError, match="no records of an experiment"):
        Records(tmp_path / "x.jsonl", {})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["fig8", "--formulation", "darts"], "'darts' is none of single_path_sigmoid"),
        (["fig5", "--set", "formulation=multi_path_softmax"], "fig5 needs formulation single_path_sigmoid"),
        (["fig9", "--solver", "tpe"], "'tpe' is none of bayesian"),
        (["fig9", "--budget", "4"], "must buy one search of 8 epochs"),
        (["table2", "--set", "widht=1"], "widht"),
    ],
)
def test_what_makes_no_sense_is_refused(line: list[str], message: str, tmp_path: Path) -> None:
    result = run_cli(["reproduce", *line, "--out", str(tmp_path)], env={})
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
