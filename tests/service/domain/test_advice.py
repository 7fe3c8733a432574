from hypothesis import given
from hypothesis import strategies as st

from service.domain.advice import advise
from solver.base import Observation, Problem, best_trial
from solver.composite import Composite
from solver.random_search import Random

PROBLEM = Problem((80.0, 60.0), lambda_low=0.1, lambda_high=10, epochs_min=2, epochs_max=8, seed=0)


def seen(number: int, lambda_: float, *, epochs: int = 8, hinge_ms: float | None = None) -> Observation:
    """A trial whose reward for 80 ms falls with lambda."""
    return Observation(number, lambda_, epochs, 0.9 - 0.01 * lambda_, 70.0 - lambda_, hinge_ms)


trials = st.lists(
    st.tuples(st.floats(0.1, 10), st.sampled_from([4, 8]), st.sampled_from([None, 80.0])), max_size=12
).map(lambda values: [seen(i, lambda_, epochs=z, hinge_ms=h) for i, (lambda_, z, h) in enumerate(values)])


@given(trials, st.sampled_from(PROBLEM.targets_ms))
def test_without_a_model_it_is_the_best_trial(history: list[Observation], target_ms: float) -> None:
    advice = advise(Random(), PROBLEM, history, target_ms)
    best = best_trial(PROBLEM, history, target_ms)
    if best is None:
        assert advice is None
        return
    trial, reward = best
    assert advice is not None
    assert not advice.is_by_model
    found = advice.recommendation
    assert (found.number, found.reward, found.hinge_target_ms) == (
        trial.number,
        reward,
        trial.hinge_target_ms,
    )
    assert advice.nearest_number == trial.number


def test_with_a_model_the_nearest_trial_is_told_from_the_best() -> None:
    history = [seen(0, 0.2), seen(1, 0.1), seen(2, 9.0), seen(3, 3.0, epochs=4)]
    history.append(Observation(4, 3.0, 8, None, None))
    advice = advise(Composite(), PROBLEM, history, 80.0)
    assert advice is not None
    assert advice.is_by_model
    found = advice.recommendation
    plain = {0: 0.2, 1: 0.1, 2: 9.0}
    assert found.number == 1
    assert advice.nearest_number == min(plain, key=lambda number: abs_log_ratio(plain[number], found.lambda_))


def test_only_searches_with_the_same_loss_are_near() -> None:
    history = [seen(0, 0.5, hinge_ms=80.0), seen(1, 1.0, epochs=2)]
    advice = advise(Composite(), PROBLEM, history, 80.0)
    assert advice is not None
    assert advice.recommendation.hinge_target_ms is None
    assert advice.nearest_number is None


def abs_log_ratio(a: float, b: float) -> float:
    return max(a / b, b / a)
