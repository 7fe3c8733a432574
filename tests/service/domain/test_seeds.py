import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.seeds import trial_seed

study_seeds = st.integers(0, 2**31 - 1)


@given(study_seeds, st.integers(0, 10_000))
def test_is_a_function_of_study_and_number_that_any_library_takes(study_seed: int, number: int) -> None:
    seed = trial_seed(study_seed, number)
    assert seed == trial_seed(study_seed, number)
    assert type(seed) is int
    assert 0 <= seed < 2**31


def test_stays_the_same_in_later_versions() -> None:
    assert [trial_seed(0, number) for number in range(3)] == [1878776328, 336614359, 1620722436]


def test_differs_between_trials_and_between_studies() -> None:
    seeds = {trial_seed(study, number) for study in range(20) for number in range(100)}
    assert len(seeds) == 2000


@pytest.mark.parametrize("arguments", [(-1, 0), (0, -1)])
def test_refuses_negative_numbers(arguments: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="non-negative"):
        trial_seed(*arguments)
