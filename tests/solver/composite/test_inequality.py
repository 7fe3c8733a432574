import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solver.base import Observation
from solver.composite.inequality import Side, within_sides
from solver.composite.outcome import OutcomeModel, full_fidelity, sides_of
from solver.composite.process import Places, Posterior
from solver.space import from_unit
from tests.solver.composite.test_process import outcomes, process
from tests.solver.studies import PROBLEM, spread

_DRAWS = 200_000


def posterior() -> Posterior:
    data = Places(np.array([0.1, 0.9]), np.array([0.0, 0.5]))
    return Posterior.of(process(), data, outcomes(data))


@given(u=st.floats(0, 1), shift=st.floats(-2, 2), at_most=st.booleans())
@settings(max_examples=20)
def test_side_leaves_the_moments_of_the_draws_that_lie_on_it(u: float, shift: float, at_most: bool) -> None:
    before = posterior()
    place = Places(np.array([u]), np.array([0.0]))
    mean, variance = (part[:, 0] for part in before.marginals(place))
    noise = before.process.noise_variance(place)[:, 0]
    bound = float(mean[0] + shift * math.sqrt(variance[0]))
    after = within_sides(before, [Side(u, 0.0, bound, at_most)])
    rng = np.random.default_rng(0)
    latent = mean[0] + math.sqrt(variance[0]) * rng.normal(size=_DRAWS)
    seen = latent + math.sqrt(noise[0]) * rng.normal(size=_DRAWS)
    kept = latent[(seen <= bound) == at_most]
    new_mean, new_variance = (part[0, 0] for part in after.marginals(place))
    tolerance = 6 * kept.std() / math.sqrt(len(kept))
    assert new_mean == pytest.approx(kept.mean(), abs=tolerance)
    assert math.sqrt(new_variance) == pytest.approx(kept.std(), rel=0.05)


@given(far=st.floats(-1e6, 1e6), at_most=st.booleans())
def test_absurd_sides_leave_finite_moments(far: float, at_most: bool) -> None:
    places = Places(np.linspace(0, 1, 11), np.zeros(11))
    mean, variance = within_sides(posterior(), [Side(0.5, 0.0, far, at_most)] * 3).marginals(places)
    assert np.isfinite(mean).all()
    assert (variance > 0).all()


def hinged(number: int, runtime_ms: float | None) -> Observation:
    accuracy = None if runtime_ms is None else 0.9
    return Observation(number, from_unit(PROBLEM, 0.5), 8, accuracy, runtime_ms, hinge_target_ms=80.0)


@pytest.mark.parametrize(("runtime_ms", "at_most"), [(79.0, True), (81.0, True), (120.0, False)])
def test_side_of_a_hinged_search(runtime_ms: float, at_most: bool) -> None:
    (side,) = sides_of(PROBLEM, [hinged(0, runtime_ms), hinged(1, None)])
    assert [side.u, side.h, side.bound] == pytest.approx([0.5, 0.0, math.log(80.0)])
    assert side.at_most is at_most


@pytest.mark.parametrize(("runtime_ms", "towards"), [(79.0, -1), (120.0, 1)])
def test_a_hinged_search_moves_the_model_to_its_side(runtime_ms: float, towards: int) -> None:
    units = np.linspace(0, 1, 21)

    def log_runtimes(history: list[Observation]) -> float:
        model = OutcomeModel.of(PROBLEM, history, 16)
        return float(model.log_runtime.marginals(full_fidelity(units))[0].mean())

    assert towards * (log_runtimes([hinged(0, runtime_ms)]) - log_runtimes([])) > 0.05


def test_plain_trials_outweigh_a_side() -> None:
    plain = spread(12)
    model = OutcomeModel.of(PROBLEM, plain, 16)
    contradicting = [replace(hinged(12, 79.0), lambda_=0.15)]
    misled = OutcomeModel.of(PROBLEM, [*plain, *contradicting], 16)
    place = full_fidelity(np.array([0.9]))
    before, after = (part.log_runtime.marginals(place)[0].mean() for part in (model, misled))
    assert after == pytest.approx(before, abs=0.1)
