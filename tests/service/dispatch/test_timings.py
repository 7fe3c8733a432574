from prometheus_client import CollectorRegistry

from service.dispatch.timings import Timings


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def gaps(timings: Timings) -> tuple[float, float]:
    """(how many gaps, their sum in seconds)."""
    registry = CollectorRegistry()
    registry.register(timings.gap_seconds)
    names = ("spnas_dispatch_gap_seconds_count", "spnas_dispatch_gap_seconds_sum")
    count, total = (registry.get_sample_value(name) for name in names)
    assert count is not None
    assert total is not None
    return count, total


def test_a_gap_lasts_from_the_end_of_a_trial_to_the_next_start_of_its_study() -> None:
    clock = Clock()
    timings = Timings(clock)
    timings.slot_filled("a")  # the first trial of a study follows none
    assert gaps(timings) == (0, 0)
    timings.slot_freed("a")
    clock.now += 1
    timings.slot_freed("a")
    timings.slot_freed("b")
    clock.now += 2
    timings.slot_filled("a")
    assert gaps(timings) == (1, 3)
    timings.slot_filled("a")
    timings.slot_filled("a")  # a third slot, that nothing was in before
    assert gaps(timings) == (2, 5)
    timings.slot_filled("b")
    assert gaps(timings) == (3, 7)


def test_nobody_waits_for_the_next_trial_of_a_study_that_has_ended_or_pauses() -> None:
    clock = Clock()
    timings = Timings(clock)
    timings.slot_freed("a")
    timings.slot_freed("b")
    timings.keep({"b": None}.keys())
    clock.now += 3600
    timings.slot_filled("a")
    assert gaps(timings) == (0, 0)
    timings.slot_filled("b")
    assert gaps(timings) == (1, 3600)
