import pytest

from benchmarks.memory import figures_of


def test_growth_is_that_after_the_warm_up() -> None:
    found = [(0, 50.0), (50, 90.0), *((done, 100 + done / 100) for done in range(100, 1001, 50))]
    figures = figures_of(found, 1000)
    assert figures["growth_per_1000_trials_mib"] == pytest.approx(10)
    assert figures["after_warm_up_mib"] == pytest.approx(101)
    assert [figures["at_the_end_mib"], figures["highest_mib"]] == pytest.approx([110, 110])
    assert figures["growth_per_1000_trials_in_second_half_mib"] == pytest.approx(10)
    assert figures["growth_per_1000_trials_ratio"] == pytest.approx(10 / 101)
