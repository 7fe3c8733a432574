"""The plan of kills."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.plan import Part, make_plan

SEEDS = st.integers(0, 2**31)


@given(seed=SEEDS, kills=st.integers(0, 60))
def test_a_seed_repeats_the_plan(seed: int, kills: int) -> None:
    plan = make_plan(seed, kills, list(Part))
    assert plan == make_plan(seed, kills, list(Part))
    assert [kill.number for kill in plan] == list(range(1, kills + 1))
    dues = [kill.progress for kill in plan]
    assert dues == sorted(dues)
    assert all(0 < due < 1 for due in dues)


@given(seed=SEEDS, kills=st.integers(len(Part), 60))
def test_every_part_has_its_turn_and_no_other(seed: int, kills: int) -> None:
    assert set(Counter(kill.part for kill in make_plan(seed, kills, list(Part)))) == set(Part)
    some = [Part.WORKER, Part.NODE]
    assert set(Counter(kill.part for kill in make_plan(seed, kills, some))) == set(some)


@pytest.mark.parametrize("seed", range(5))
def test_another_seed_is_another_plan(seed: int) -> None:
    assert make_plan(seed, 30, list(Part)) != make_plan(seed + 1, 30, list(Part))
