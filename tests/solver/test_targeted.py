from dataclasses import replace

import numpy as np
import pytest

from solver.base import Observation, Pending
from solver.targeted import Targeted
from tests.solver.studies import PROBLEM, run_study


def overshooting(factor: float) -> list[Observation]:
    """Trials that ended at so many times their aim."""
    return [Observation(number, 1.0 + 0.1 * number, 8, 0.9, 80.0 * factor, 80.0) for number in range(6)]


def test_begins_near_its_start_and_aims_at_the_target() -> None:
    suggestion = Targeted(start_lambda=2.0).suggest(PROBLEM, [], [], 400)
    assert suggestion is not None
    assert 1.0 <= suggestion.lambda_ <= 4.0
    assert (suggestion.epochs, suggestion.hinge_target_ms) == (8, 80.0)


def test_start_outside_the_range_is_clipped() -> None:
    suggestion = Targeted(start_lambda=1e5).suggest(PROBLEM, [], [], 400)
    assert suggestion is not None
    assert suggestion.lambda_ == PROBLEM.lambda_high


@pytest.mark.parametrize(("factor", "aim_ms"), [(1.05, 80 / 1.05), (0.95, 80.0), (3.0, 68.0)])
def test_aim_is_lowered_by_the_overshoot_within_reason(factor: float, aim_ms: float) -> None:
    suggestion = Targeted().suggest(PROBLEM, overshooting(factor), [], 400)
    assert suggestion is not None
    assert suggestion.hinge_target_ms == pytest.approx(aim_ms)


def test_lambda_follows_the_best_trial() -> None:
    history = overshooting(1.0)
    history[2] = replace(history[2], lambda_=6.0, accuracy=0.95)
    suggestion = Targeted().suggest(PROBLEM, history, [], 400)
    assert suggestion is not None
    assert 3.0 <= suggestion.lambda_ <= PROBLEM.lambda_high


def test_plain_trials_are_no_data() -> None:
    plain = [replace(trial, hinge_target_ms=None) for trial in overshooting(1.5)]
    suggestion = Targeted().suggest(PROBLEM, plain, [], 400)
    assert suggestion is not None
    assert suggestion.hinge_target_ms == 80.0


def test_targets_take_turns() -> None:
    problem = replace(PROBLEM, targets_ms=(50.0, 100.0))
    history = run_study(Targeted(), problem, 64)
    aims = np.array([trial.hinge_target_ms for trial in sorted(history, key=lambda trial: trial.number)])
    assert (aims[::2] <= 50).all()
    assert (aims[1::2] > 80).all()


def test_study_comes_within_the_target() -> None:
    def outcome(trial: Pending) -> tuple[float, float]:
        assert trial.hinge_target_ms is not None
        miss = np.random.default_rng(trial.number).normal(0.02, 0.03)
        return 0.9, trial.hinge_target_ms * (1 + miss)

    history = run_study(Targeted(), PROBLEM, 80, outcome=outcome)
    advice = Targeted().recommend(PROBLEM, history)
    assert advice is not None
    assert advice.reward == 0.9
    assert advice.hinge_target_ms is not None
