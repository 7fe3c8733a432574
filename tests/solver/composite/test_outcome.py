import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.base import Pending
from solver.composite.lookahead import gains
from solver.composite.outcome import OutcomeModel, expected_factor, full_fidelity, shortness
from solver.space import from_unit
from tests.solver.studies import PROBLEM, ended, spread


@given(mean=st.floats(3, 6), deviation=st.floats(0.001, 1), target_ms=st.floats(20, 300))
def test_expected_factor_is_that_of_many_draws(mean: float, deviation: float, target_ms: float) -> None:
    normals = np.random.default_rng(0).normal(size=20_000)
    drawn = np.minimum(1, target_ms / np.exp(mean + deviation * normals))
    expected = expected_factor(np.array(mean), np.array(deviation**2), target_ms)
    assert float(expected) == pytest.approx(drawn.mean(), abs=0.02)


@given(mean=st.floats(-10, 20), deviation=st.floats(1e-6, 10))
def test_expected_factor_stays_a_share(mean: float, deviation: float) -> None:
    assert 0 <= float(expected_factor(np.array(mean), np.array(deviation**2), 80.0)) <= 1 + 1e-9


def test_shortness_goes_from_full_to_lowest() -> None:
    assert [shortness(PROBLEM, epochs) for epochs in (8, 4, 2)] == pytest.approx([0, 0.5, 1])


def test_intervals_hold_new_searches() -> None:
    history = [ended(Pending(number, from_unit(PROBLEM, number / 59), 8)) for number in range(60)]
    model = OutcomeModel.of(PROBLEM, history, 16)
    new = [ended(Pending(1000 + number, 1.0, 8)) for number in range(200)]
    runtime_ms, accuracy = model.runtime_interval_ms(0.5, 0.9), model.accuracy_interval(0.5, 0.9)
    inside_runtime = np.mean([runtime_ms.low <= (trial.runtime_ms or 0) <= runtime_ms.high for trial in new])
    inside_accuracy = np.mean([accuracy.low <= (trial.accuracy or 0) <= accuracy.high for trial in new])
    assert 0.75 < inside_runtime <= 1
    assert 0.75 < inside_accuracy <= 1
    within = np.mean([(trial.runtime_ms or 0) <= 85 for trial in new])
    assert model.probability_within(0.5, 85) == pytest.approx(within, abs=0.25)


def test_gain_is_large_where_nothing_is_known_and_small_where_much_is() -> None:
    history = [ended(Pending(number, 0.1 * 1.05**number, 8)) for number in range(30)]
    model = OutcomeModel.of(PROBLEM, history, 16)
    units = np.linspace(0, 1, 51)
    gain = gains(model, full_fidelity(np.array([0.15, 0.6])), units)
    assert gain[1] > 5 * gain[0] >= 0


def test_pending_trial_lowers_the_gain_beside_it() -> None:
    history = spread(6)
    pending = [Pending(6, 1.0, 8)]
    units = np.linspace(0, 1, 51)
    model = OutcomeModel.of(PROBLEM, history, 16)
    candidate = full_fidelity(np.array([0.5]))
    assert gains(model.believing(pending), candidate, units)[0] < gains(model, candidate, units)[0]


def test_short_search_is_never_worth_more_than_a_long_one_at_the_same_place() -> None:
    model = OutcomeModel.of(PROBLEM, spread(9), 16)
    places = full_fidelity(np.array([0.3, 0.5, 0.7]))
    short = type(places)(places.u, np.ones(3))
    units = np.linspace(0, 1, 51)
    assert gains(model, places, units).max() > gains(model, short, units).max()
