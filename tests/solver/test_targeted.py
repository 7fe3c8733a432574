from dataclasses import replace

import pytest

from solver.base import Observation, Pending
from solver.targeted import Targeted
from tests.solver.studies import PROBLEM, run_study

HISTORY = [Observation(number, 1.0 + 0.1 * number, 8, 0.9, 79.5, 80.0) for number in range(6)]


def test_begins_near_its_start_and_aims_at_the_target() -> None:
    suggestion = Targeted(start_lambda=2.0).suggest(PROBLEM, [], [], 400)
    assert suggestion is not None
    assert 1.0 <= suggestion.lambda_ <= 4.0
    assert (suggestion.epochs, suggestion.hinge_target_ms) == (8, 80.0)


def test_start_outside_the_range_is_clipped() -> None:
    suggestion = Targeted(start_lambda=1e5).suggest(PROBLEM, [], [], 400)
    assert suggestion is not None
    assert suggestion.lambda_ == PROBLEM.lambda_high


def test_lambda_follows_the_best_trial() -> None:
    history = list(HISTORY)
    history[2] = replace(history[2], lambda_=6.0, accuracy=0.95)
    suggestion = Targeted().suggest(PROBLEM, history, [], 400)
    assert suggestion is not None
    assert 3.0 <= suggestion.lambda_ <= PROBLEM.lambda_high


@pytest.mark.parametrize("aim_ms", [None, 60.0])
def test_trials_of_other_losses_are_no_data(aim_ms: float | None) -> None:
    history = [replace(trial, lambda_=8.0, hinge_target_ms=aim_ms) for trial in HISTORY]
    suggestion = Targeted().suggest(PROBLEM, history, [], 400)
    assert suggestion is not None
    assert suggestion.lambda_ <= 2.0
    assert suggestion.hinge_target_ms == 80.0


def test_targets_take_turns() -> None:
    problem = replace(PROBLEM, targets_ms=(50.0, 100.0))
    history = run_study(Targeted(), problem, 64)
    aims = [trial.hinge_target_ms for trial in sorted(history, key=lambda trial: trial.number)]
    assert aims == [50.0, 100.0] * 4


@pytest.mark.parametrize("count", range(1, 9))
def test_lambdas_of_each_target_are_spread(count: int) -> None:
    problem = replace(PROBLEM, targets_ms=tuple(60.0 + place for place in range(count)))
    history = run_study(
        Targeted(), problem, 8 * 6 * count, outcome=lambda trial: (0.9, trial.hinge_target_ms or 0)
    )
    for target_ms in problem.targets_ms:
        lambdas = [trial.lambda_ for trial in history if trial.hinge_target_ms == target_ms]
        assert len(lambdas) == 6
        assert max(lambdas) > 1.8 * min(lambdas)


def test_study_keeps_the_best() -> None:
    def outcome(trial: Pending) -> tuple[float, float]:
        assert trial.hinge_target_ms is not None
        return 0.9 + 0.01 * trial.number, trial.hinge_target_ms * 0.995

    history = run_study(Targeted(), PROBLEM, 80, outcome=outcome)
    advice = Targeted().recommend(PROBLEM, history)
    assert advice is not None
    assert (advice.number, advice.hinge_target_ms) == (9, 80.0)
    assert advice.reward == pytest.approx(0.99)
