import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.figures.style import lambda_axis, log_ticks, padded, short


@given(st.floats(-1e12, 1e12, allow_nan=False), st.integers(2, 6))
def test_short_numbers_are_close(value: float, digits: int) -> None:
    assert short(value, digits) == pytest.approx(value, rel=10.0 ** (1 - digits))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_a_padded_range_holds_all_values(values: list[float]) -> None:
    low, high = padded(values)
    assert low < high
    assert low <= min(values)
    assert max(values) <= high


def test_ticks_of_a_log_axis_are_plain_numbers() -> None:
    assert log_ticks(0.1, 10) == [0.1, 0.2, 0.5, 1, 2, 5, 10]
    wide = lambda_axis(1e-3, 1e6)["tickvals"]
    assert wide == [10.0**power for power in range(-3, 7)]
