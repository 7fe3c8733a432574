import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ray.tune.search import Searcher

from solver.base import Solver
from solver.bayesian import Bayesian
from solver.random_search import Random
from solver.registry import SOLVERS
from solver.tune import SolverSearcher
from tests.solver.studies import PROBLEM, run_study, searched

REPOSITORY = Path(__file__).parents[2]


def result_of(searcher: SolverSearcher, trial_id: str, epochs_done: int | None = None) -> dict[str, Any]:
    """What the trainable would have reported last."""
    trial = searcher.pending[trial_id]
    accuracy, runtime_ms = searched(trial)
    done = trial.epochs if epochs_done is None else epochs_done
    return {"accuracy": accuracy, "runtime_ms": runtime_ms, "training_iteration": done}


@pytest.mark.parametrize("solver", [kind.model_validate({}) for kind in SOLVERS], ids=lambda s: s.kind)
def test_study_is_the_solvers_own(solver: Solver) -> None:
    searcher = SolverSearcher(solver, PROBLEM, 40)
    number = 0
    while isinstance(config := searcher.suggest(str(number)), dict):
        assert set(config) == {"lambda", "epochs", "hinge_target_ms"}
        searcher.on_trial_complete(str(number), result_of(searcher, str(number)))
        number += 1
    assert config == Searcher.FINISHED
    assert searcher.history == run_study(solver, PROBLEM, 40)


def test_asks_to_be_asked_again_while_trials_run() -> None:
    searcher = SolverSearcher(Random(), PROBLEM, 16)
    assert isinstance(searcher.suggest("a"), dict)
    assert isinstance(searcher.suggest("b"), dict)
    assert searcher.suggest("c") is None


def test_stopped_trial_has_no_outcome_and_gives_epochs_back() -> None:
    searcher = SolverSearcher(Random(), PROBLEM, 16)
    searcher.suggest("a")
    searcher.on_trial_complete("a", result_of(searcher, "a", epochs_done=3))
    assert searcher.history[0].accuracy is None
    assert searcher.spent_epochs == 3
    assert isinstance(searcher.suggest("b"), dict)
    assert searcher.suggest("c") is None


def test_failed_trial_has_no_outcome() -> None:
    searcher = SolverSearcher(Random(), PROBLEM, 16)
    searcher.suggest("a")
    searcher.on_trial_complete("a", None, error=True)
    assert searcher.history[0].runtime_ms is None
    assert searcher.spent_epochs == 0


def test_goes_on_where_it_was_saved(tmp_path: Path) -> None:
    searcher = SolverSearcher(Bayesian(initial_trials=2), PROBLEM, 400)
    for number in range(4):
        searcher.suggest(str(number))
        searcher.on_trial_complete(str(number), result_of(searcher, str(number)))
    searcher.suggest("running")
    searcher.save(str(tmp_path / "state"))
    restored = SolverSearcher(Bayesian(initial_trials=2), PROBLEM, 400)
    restored.restore(str(tmp_path / "state"))
    assert restored.pending == searcher.pending
    assert restored.suggest("next") == searcher.suggest("next")


def test_param_space_is_refused() -> None:
    searcher = SolverSearcher(Random(), PROBLEM, 16)
    assert searcher.set_search_properties("reward", "max", {})
    with pytest.raises(ValueError, match="leave param_space empty"):
        searcher.set_search_properties("reward", "max", {"lambda": 1})


@pytest.mark.slow
def test_example_with_asha_runs() -> None:
    done = subprocess.run(
        [sys.executable, "examples/tune_with_asha.py"],
        capture_output=True, text=True, cwd=REPOSITORY, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = re.search(r"(\d+) trials; best lambda ([\d.]+): accuracy ([\d.]+), R ([\d.]+) ms", done.stdout)
    assert found is not None, done.stdout
    assert int(found[1]) >= 6
    assert float(found[4]) < 85
