"""What the repairs around Dragonfly buy, beyond the conformance suite."""

import math
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from solver.base import Observation, Pending
from solver.bayesian import Bayesian
from solver.dragonfly_ask import Datum, Point, ask
from solver.multi_fidelity import MultiFidelity
from tests.solver.studies import PROBLEM, queued, run_study


def bump(unit: float) -> float:
    return math.exp(-40 * (unit - 0.7) ** 2)


UNITS = [0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95]
DATA = [Datum(Point(unit, 8), bump(unit)) for unit in UNITS]


def test_asks_near_the_top_of_a_known_bump() -> None:
    for seed in range(3):
        assert ask(DATA, [], None, (seed,)).unit == pytest.approx(0.7, abs=0.08)


def test_scale_of_the_rewards_does_not_matter() -> None:
    scaled = [Datum(datum.point, 1000 + 1e-3 * datum.reward) for datum in DATA]
    assert ask(scaled, [], None, (3,)).unit == pytest.approx(ask(DATA, [], None, (3,)).unit, abs=1e-6)


def test_believed_points_move_the_question_elsewhere() -> None:
    sparse = DATA[::3]
    moved = []
    for seed in range(5):
        first = ask(sparse, [], None, (seed,))
        moved.append(abs(ask(sparse, [first], None, (seed,)).unit - first.unit))
    assert min(moved) > 0.01


def test_multi_fidelity_uses_every_epoch_count_it_may_and_no_other() -> None:
    history = run_study(MultiFidelity(), PROBLEM, 400)
    epochs = {trial.epochs for trial in history}
    assert epochs <= set(range(2, 9))
    assert len(epochs) >= 3
    assert 0.15 < np.mean([trial.epochs == 8 for trial in history]) < 0.95


def test_multi_fidelity_with_nothing_at_full_fidelity_does_not_repeat_itself() -> None:
    history = [
        Observation(number, lambda_, 2, 0.7 + 0.01 * number, 90.0 - 5 * number)
        for number, lambda_ in enumerate((0.2, 0.4, 0.8, 1.6, 3.2, 6.4))
    ]
    pending: list[Pending] = []
    for _ in range(4):
        suggestion = MultiFidelity().suggest(PROBLEM, history, pending, 400)
        assert suggestion is not None
        pending.append(queued(len(history) + len(pending), suggestion))
    lambdas = sorted(trial.lambda_ for trial in pending)
    assert all(high / low > 1.001 for low, high in pairwise(lambdas))


def test_multi_fidelity_keeps_the_last_affordable_trial_at_full_fidelity() -> None:
    for budget in range(8, 40):
        history = run_study(MultiFidelity(), PROBLEM, budget)
        assert history[-1].epochs == 8


def test_finds_the_target_better_than_chance() -> None:
    rewards = [trial.reward(80.0) or 0.0 for trial in run_study(Bayesian(), PROBLEM, 96)]
    assert max(rewards[5:]) >= max(rewards[:5])
    assert max(rewards) > 0.83


def test_imports_silently_where_warnings_are_errors_and_no_bytecode_is_cached() -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-X", "pycache_prefix=/nonexistent", "-c",
         "import solver.dragonfly_ask"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
