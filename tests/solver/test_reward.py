import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solver.reward import reward

runtimes = st.floats(1e-3, 1e6)
accuracies = st.floats(0, 1)


@given(accuracy=accuracies, target=runtimes, share=st.floats(1e-3, 1))
def test_within_the_target_is_the_accuracy(accuracy: float, target: float, share: float) -> None:
    assert reward(accuracy, target * share, target) == accuracy


@given(accuracy=accuracies, target=runtimes, excess=st.floats(1.001, 100))
def test_above_the_target_is_divided_by_the_excess(accuracy: float, target: float, excess: float) -> None:
    assert reward(accuracy, target * excess, target) == pytest.approx(accuracy / excess)


@given(accuracy=accuracies, first=runtimes, second=runtimes, target=runtimes)
def test_never_grows_with_runtime(accuracy: float, first: float, second: float, target: float) -> None:
    faster, slower = sorted((first, second))
    assert reward(accuracy, faster, target) >= reward(accuracy, slower, target)


def test_is_continuous_at_the_target() -> None:
    assert reward(0.7, math.nextafter(80.0, 100), 80.0) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("accuracy", "runtime_ms", "target_ms"),
    [(math.nan, 1, 1), (0.5, 0, 1), (0.5, -1, 1), (0.5, math.inf, 1), (0.5, 1, 0), (0.5, math.nan, 1)],
)
def test_refuses_what_is_not_a_number(accuracy: float, runtime_ms: float, target_ms: float) -> None:
    with pytest.raises(ValueError, match="finite accuracy and positive, finite runtimes"):
        reward(accuracy, runtime_ms, target_ms)
