import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import retrain
from benchmarks.retrain import retrained, spread, trend
from benchmarks.search_table import Recipe, write_missing
from nas_worker.job import SearchSettings
from nas_worker.space import LARGEST, SKIP, Architecture, LayerType

SMALLEST = Architecture(tuple(LayerType(3, 3, 0.0) if place % 4 == 0 else SKIP for place in range(20)))


def row(runtime_ms: float, epochs: int = 8, hinge_target_ms: float | None = None) -> dict[str, Any]:
    return {
        "architecture": [f"of {runtime_ms} ms"],
        "runtime_ms": runtime_ms,
        "accuracy": runtime_ms / 1000,
        "epochs": epochs,
        "hinge_target_ms": hinge_target_ms,
    }


def test_architectures_differ_and_are_spread_over_log_runtime() -> None:
    rows = [row(value) for value in (160.0, 20.0, 20.0, 21.0, 41.0, 79.0, 150.0)]
    others = [row(40.0, epochs=4), row(80.0, hinge_target_ms=80.0)]
    chosen = spread([*others, *rows], 4)
    assert [one["runtime_ms"] for one in chosen] == [20.0, 41.0, 79.0, 160.0]
    assert len(spread(rows, 6)) == 6
    for count in (1, 7):
        with pytest.raises(ValueError, match=f"at most the 6 architectures; it is {count}"):
            spread(rows, count)


def test_slope_is_in_points_per_halving() -> None:
    rows = [row(value) for value in (25.0, 50.0, 100.0)]
    accuracies = np.array([[0.6, 0.64], [0.7, 0.74], [0.8, 0.84]])
    found = trend(rows, accuracies)
    assert found["points_per_halving"] == pytest.approx(-10)
    assert found["rank_correlation_with_runtime"] == pytest.approx(1)
    assert found["rank_correlation_with_search"] == pytest.approx(1)
    assert found["seed_deviation_points"] == pytest.approx(100 * 0.04 / 2**0.5)
    assert trend(rows, 1 - accuracies)["points_per_halving"] == pytest.approx(10)


def test_training_from_scratch_learns_and_repeats() -> None:
    settings = SearchSettings(batch_size=32, max_train_images=600)
    accuracy = retrained(settings, SMALLEST, epochs=2, seed=1)
    assert accuracy > 0.25
    assert retrained(settings, SMALLEST, epochs=2, seed=1) == accuracy
    assert retrained(settings, SMALLEST, epochs=2, seed=3) != accuracy


def test_command_writes_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, figures = tmp_path / "table.jsonl", tmp_path / "figures.json"
    recipe = Recipe(SearchSettings(max_train_images=32, batch_size=16), "pixel1")
    write_missing(recipe, [], path, workers=1)
    with path.open("a") as file:
        for runtime_ms, architecture in ((30.0, SMALLEST), (150.0, Architecture.uniform(LARGEST))):
            line = {**row(runtime_ms), "lambda": 1.0, "seed": 0, "architecture": architecture.format()}
            file.write(json.dumps(line) + "\n")
    options = ["--count", "2", "--epochs", "1", "--seeds", "3", "--batch-size", "8", "--json", str(figures)]
    monkeypatch.setattr(sys, "argv", ["retrain", str(path), *options])
    retrain.main()
    assert "points_per_halving" in capsys.readouterr().out
    report = json.loads(figures.read_text())
    assert report["settings"]["batch_size"] == 8
    assert report["figures"]["0.runtime_ms"] == 30
    assert 0 <= report["figures"]["1.retrained_accuracy_seed_3"] <= 1
    monkeypatch.setattr(sys, "argv", ["retrain", str(path), "--count", "2", "--search-seeds", "1"])
    with pytest.raises(SystemExit):
        retrain.main()
    assert "at most the 0 architectures" in capsys.readouterr().err
