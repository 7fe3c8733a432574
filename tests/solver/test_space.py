import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.space import apart, from_unit, generator, space_filling, to_unit
from tests.solver.studies import PROBLEM, reseeded


@given(unit=st.floats(0, 1))
def test_log_scale_and_back(unit: float) -> None:
    lambda_ = from_unit(PROBLEM, unit)
    assert PROBLEM.lambda_low <= lambda_ <= PROBLEM.lambda_high
    assert to_unit(PROBLEM, lambda_) == pytest.approx(unit, abs=1e-9)


def test_middle_of_the_scale_is_the_geometric_mean() -> None:
    assert from_unit(PROBLEM, 0.5) == pytest.approx(1.0)


@given(count=st.integers(2, 40), seed=st.integers(0, 2**31 - 1))
def test_every_prefix_of_the_design_fills_the_axis(count: int, seed: int) -> None:
    units = sorted(space_filling(reseeded(PROBLEM, seed), number) for number in range(count))
    assert max(np.diff([units[-1] - 1, *units])) < 2.7 / count


def test_generator_depends_on_seed_and_number_alone() -> None:
    draws = {generator(reseeded(PROBLEM, seed), number).random() for seed in (0, 1) for number in (0, 1)}
    assert len(draws) == 4
    assert generator(PROBLEM, 3).random() == generator(PROBLEM, 3).random()


@given(unit=st.floats(0, 1), taken=st.lists(st.floats(0, 1), max_size=30))
def test_apart_keeps_its_distance_and_stays_near(unit: float, taken: list[float]) -> None:
    place = apart(unit, taken)
    assert 0 <= place <= 1
    assert all(abs(place - other) > 0.99e-3 for other in taken)
    assert abs(place - unit) <= 1e-3 * (len(taken) + 1)


def test_apart_leaves_a_free_place_alone() -> None:
    assert apart(0.25, [0.2, 0.3]) == 0.25


def test_apart_finds_room_on_a_crowded_axis() -> None:
    taken = list(np.linspace(0, 1, 5001))
    assert apart(0.5, taken) not in taken
