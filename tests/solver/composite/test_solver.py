from dataclasses import replace
from itertools import accumulate

import numpy as np
import pytest

from solver.base import Observation, Pending
from solver.composite import Composite
from solver.reward import reward
from solver.space import from_unit
from tests.solver.studies import PROBLEM, ended, reseeded, run_study, searched, spread


def noiseless(lambda_: float) -> tuple[float, float]:
    """Mean outcome of searches at full fidelity, over 50 seeds."""
    outcomes = [searched(Pending(10_000 + number, lambda_, 8)) for number in range(50)]
    return sum(a for a, _ in outcomes) / 50, sum(r for _, r in outcomes) / 50


def regret(lambda_: float, target_ms: float) -> float:
    values = [reward(*noiseless(from_unit(PROBLEM, number / 200)), target_ms) for number in range(201)]
    return 1 - reward(*noiseless(lambda_), target_ms) / max(values)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_recommends_within_two_percent_after_six_searches(seed: int) -> None:
    problem = reseeded(PROBLEM, seed)
    advice = Composite().recommend(problem, run_study(Composite(), problem, 48))
    assert advice is not None
    assert regret(advice.lambda_, 80.0) < 0.02


def test_one_study_serves_several_targets() -> None:
    problem = replace(PROBLEM, targets_ms=(60.0, 80.0, 105.0))
    history = run_study(Composite(), problem, 96)
    for target_ms in problem.targets_ms:
        advice = Composite().recommend(problem, history, target_ms)
        assert advice is not None
        assert regret(advice.lambda_, target_ms) < 0.03


def test_recommendation_carries_intervals_and_probability() -> None:
    advice = Composite().recommend(PROBLEM, run_study(Composite(), PROBLEM, 64))
    assert advice is not None
    assert advice.accuracy is not None
    assert advice.runtime_ms is not None
    assert advice.probability_within is not None
    assert 0 <= advice.accuracy.low <= advice.accuracy.mean <= advice.accuracy.high <= 1
    assert 0 < advice.runtime_ms.low <= advice.runtime_ms.mean <= advice.runtime_ms.high
    assert advice.runtime_ms.low < 85
    assert 0 < advice.probability_within < 1
    assert 0.5 < advice.reward < 1


def test_luckiest_observation_does_not_decide() -> None:
    history = run_study(Composite(fidelities="full"), PROBLEM, 96)
    lucky = Observation(len(history), 0.95, 8, 0.87, 80.0)
    truth = reward(*noiseless(lucky.lambda_), 80.0)
    assert truth < 0.83
    advice = Composite().recommend(PROBLEM, [*history, lucky])
    assert advice is not None
    assert advice.number == lucky.number
    assert advice.reward < 0.86
    assert regret(advice.lambda_, 80.0) < 0.02


def test_full_fidelity_only_on_request() -> None:
    history = run_study(Composite(fidelities="full"), PROBLEM, 40)
    assert {trial.epochs for trial in history} == {8}


def test_full_fidelity_gets_half_of_the_epochs() -> None:
    history = run_study(Composite(), PROBLEM, 80)
    short = accumulate(trial.epochs if trial.epochs < 8 else 0 for trial in history)
    full = accumulate(trial.epochs if trial.epochs == 8 else 0 for trial in history)
    assert all(low <= high + 14 for low, high in zip(short, full, strict=True))


def test_misleading_short_searches_do_not_mislead_the_recommendation() -> None:
    def outcome(trial: Pending) -> tuple[float, float]:
        accuracy, runtime_ms = searched(trial)
        return (accuracy, runtime_ms) if trial.epochs == 8 else (0.5, 30.0 + 20 * trial.lambda_)

    advice = Composite().recommend(PROBLEM, run_study(Composite(), PROBLEM, 64, outcome=outcome))
    assert advice is not None
    assert regret(advice.lambda_, 80.0) < 0.02


def test_stops_when_little_is_to_be_gained() -> None:
    eager = run_study(Composite(stop_below_gain=0.002), PROBLEM, 400)
    spent = sum(trial.epochs for trial in eager)
    assert 8 <= spent < 200
    assert any(trial.epochs == 8 for trial in eager)
    more = [*eager, ended(Pending(len(eager), 1.0, 8))]
    assert Composite().suggest(PROBLEM, more, [], 400) is not None


def test_forecast_is_what_the_recommendation_says_and_falls_with_lambda() -> None:
    history = run_study(Composite(), PROBLEM, 64)
    forecast = Composite().forecast(PROBLEM, history)
    advice = Composite().recommend(PROBLEM, history)
    assert forecast is not None
    assert advice is not None
    assert advice.runtime_ms is not None
    assert forecast.lambdas[0] == pytest.approx(PROBLEM.lambda_low)
    assert forecast.lambdas[-1] == pytest.approx(PROBLEM.lambda_high)
    means = [each.mean for each in forecast.runtimes_ms]
    assert np.interp(np.log(advice.lambda_), np.log(forecast.lambdas), means) == pytest.approx(
        advice.runtime_ms.mean, rel=0.02
    )
    assert means[0] > 1.5 * means[-1]


def test_thousands_of_trials_take_neither_hours_nor_the_memory() -> None:
    advice = Composite().recommend(PROBLEM, spread(5000))
    assert advice is not None
    assert regret(advice.lambda_, 80.0) < 0.02
