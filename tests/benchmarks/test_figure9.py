import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.figure9 import RealSearches, best_rewards, heatmap, show
from benchmarks.search_table import Recipe
from nas_worker.job import SearchSettings
from service.figures import fig9
from solver.base import Observation
from tests.solver.studies import PROBLEM


def row(lambda_: float, epochs: int, accuracy: float, runtime_ms: float) -> dict[str, object]:
    return {
        "lambda": lambda_,
        "epochs": epochs,
        "accuracy": accuracy,
        "runtime_ms": runtime_ms,
        "hinge_target_ms": None,
    }


def test_best_reward_counts_full_fidelity_from_its_end_on() -> None:
    history = (
        Observation(0, 1.0, 2, 0.99, 70.0),
        Observation(1, 1.0, 8, 0.90, 70.0),
        Observation(2, 1.0, 8, None, None),
        Observation(3, 1.0, 8, 0.95, 160.0),
        Observation(4, 1.0, 8, 0.95, 70.0),
    )
    best = best_rewards(history, PROBLEM, 40)
    assert np.isnan(best[:10]).all()
    assert best[10:34] == pytest.approx(np.full(24, 0.90))
    assert best[34:] == pytest.approx(np.full(7, 0.95))


def test_heatmap_is_the_mean_over_seeds_and_leaves_hinged_searches_out() -> None:
    rows = [row(1, 8, 0.8, 70), row(1, 8, 0.6, 160), row(2, 8, 0.9, 80), row(2, 2, 0.5, 40)]
    hinged = {**row(1, 2, 1.0, 10), "hinge_target_ms": 80.0}
    lambdas, epochs, rewards = heatmap([*rows, hinged], 80.0)
    assert (lambdas, epochs) == ([1, 2], [2, 8])
    assert rewards == pytest.approx(np.array([[math.nan, 0.5], [0.55, 0.9]]), nan_ok=True)


def test_figures_and_drawing_show_what_was_found(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    grid = heatmap([row(1, 2, 0.5, 40), row(2, 2, 0.4, 40), row(1, 8, 0.6, 40), row(2, 8, 0.7, 40)], 80.0)
    curves = {
        "composite": np.array([[0.5, 0.6], [0.5, 0.8]]),
        "random": np.array([[np.nan, 0.5], [0.4, 0.5]]),
    }
    figures = show(curves, grid)
    assert figures["composite.mean_best_reward_at_1"] == pytest.approx(0.7)
    assert figures["composite.deviation_at_1"] == pytest.approx(0.1)
    assert figures["grid.full_fidelity_reward_of_best_lambda_at_2_epochs"] == pytest.approx(0.6)
    assert figures["grid.best_lambda_at_8_epochs"] == 2
    assert "0.7000 ± 0.1000" in capsys.readouterr().out
    chart = json.loads(fig9.figure(curves, grid, "title").to_json())
    assert {trace.get("name") for trace in chart["data"]} >= {"composite", "random"}


def test_real_searches_depend_on_lambda_and_seed_alone() -> None:
    settings = SearchSettings(max_train_images=64, width=0.1)
    searches = RealSearches(replace(PROBLEM, epochs_max=1, epochs_min=1), Recipe(settings, "pixel1"))
    first = searches.search(1.0, 1, 3)
    assert searches.search(1.0, 1, 3) == first
    assert searches.search(1.0, 1, 4) != first
    assert math.isnan(searches.regret(1.0))
