import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks._families import member
from benchmarks.targeted import best_rewards, main, misses, replayed
from solver.base import Problem, Suggestion
from solver.targeted import Targeted

PROBLEM = Problem((80.0,), 0.1, 10.0, 2, 8, seed=0)


def row(runtime_ms: float, **changes: Any) -> dict[str, Any]:
    return {
        "lambda": 1.0, "epochs": 8, "seed": 0, "hinge_target_ms": 80.0, "accuracy": 0.9,
        "runtime_ms": runtime_ms, **changes,
    }  # fmt: skip


def test_misses_are_shares_of_the_target() -> None:
    found = misses([row(78.0), row(79.2), row(79.6), row(81.6)])
    assert found["median_below_pct"] == pytest.approx(0.75)
    assert found["worst_below_pct"] == pytest.approx(2.5)
    assert found["worst_above_pct"] == pytest.approx(2.0)
    assert found["share_above_pct"] == 25


def test_hinged_searches_are_those_of_the_nearest_lambda() -> None:
    rows = [row(79.0), row(78.0, seed=1), row(70.0, **{"lambda": 2.0})]
    search = replayed(rows, member("gates", 0))
    found = {search(Suggestion(1.3, 8, 80.0), np.random.default_rng(seed)) for seed in range(20)}
    assert found == {(0.9, 79.0), (0.9, 78.0)}
    assert search(Suggestion(9.0, 8, 80.0), np.random.default_rng(0)) == (0.9, 70.0)


@pytest.mark.parametrize("suggestion", [Suggestion(1.0, 8, 79.0), Suggestion(1.0, 4, 80.0)])
def test_what_was_not_recorded_is_refused(suggestion: Suggestion) -> None:
    with pytest.raises(ValueError, match="holds no search with"):
        replayed([row(79.0)], member("gates", 0))(suggestion, np.random.default_rng(0))


def test_best_reward_is_that_of_the_trials_so_far() -> None:
    accuracies = iter([0.5, 0.4, 0.8, *[0.1] * 7])
    rewards = best_rewards(Targeted(), PROBLEM, lambda suggestion, rng: (next(accuracies), 160.0))
    assert rewards == pytest.approx([0.25, 0.25, 0.4, 0.4, 0.4])


def test_command_writes_all_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hinged = [row(79.0), row(79.5, **{"lambda": 2.0})]
    plain = [row(100 / x, hinge_target_ms=None, **{"lambda": x}) for x in (0.5, 1.0, 2.0)]
    for name, rows in (("hinged", hinged), ("plain", plain)):
        lines = [json.dumps(line) + "\n" for line in [{"settings": {}}, *rows]]
        (tmp_path / name).write_text("".join(lines))
    paths = {name: str(tmp_path / name) for name in ("hinged", "plain", "json")}
    main([paths["hinged"], "--plain", paths["plain"], "--seeds", "1", "--json", paths["json"]])
    assert "targeted" in capsys.readouterr().out
    figures = json.loads((tmp_path / "json").read_text())["figures"]
    assert figures["lambda_2,_8_epochs.median_below_pct"] == pytest.approx(0.625)
    assert figures["80_ms.median_below_pct"] == pytest.approx(1.25)
    assert figures["targeted.mean_best_reward_at_8_epochs"] == pytest.approx(0.9)
    assert 0.5 < figures["composite.mean_best_reward_at_80_epochs"] <= 0.9
    assert 0.5 < figures["bayesian.mean_best_reward_at_80_epochs"] <= 0.9
