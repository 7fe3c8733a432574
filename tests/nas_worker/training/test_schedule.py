import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_worker.averaging import average_decay
from nas_worker.training.schedule import relative_rate


def test_350_epochs_have_the_papers_schedule() -> None:
    per_epoch = 100
    total = 350 * per_epoch
    assert relative_rate(0, total) == pytest.approx(1 / 500)
    assert relative_rate(5 * per_epoch - 1, total) == pytest.approx(0.97**2)
    # 100 epochs hold 41 whole spans of 2.4.
    assert relative_rate(100 * per_epoch, total) == pytest.approx(0.97**41)
    assert relative_rate(total - 1, total) == pytest.approx(0.97**145)


@given(st.integers(1, 50), st.integers(0, 349))
def test_another_length_has_the_same_rates_at_the_same_share(factor: int, epoch: int) -> None:
    step = 4 * epoch + 3  # the last of an epoch, where the ramps agree
    assert relative_rate(factor * (step + 1) - 1, factor * 1400) == pytest.approx(
        relative_rate(step, 1400), rel=0.04
    )


def test_the_average_starts_young_and_ends_at_its_limit() -> None:
    decays = [average_decay(updates, 0.9999) for updates in (0, 90, 10**6)]
    assert decays == [0.1, 0.91, 0.9999]
    assert average_decay(10, 0.0) == 0
