from collections import Counter

import pytest

from nas_worker.profiling.backends import TorchBackend
from nas_worker.profiling.fit import fit_platform, typical_ms
from nas_worker.profiling.measure import measure
from nas_worker.profiling.measurements import Measurements
from nas_worker.profiling.settings import Clock, ProfileSettings
from nas_worker.profiling.subjects import subjects
from tests.nas_worker.profiling.clocked import SETTINGS, ClockedBackend, nothing_yet, true_ms


def test_each_round_visits_everything_in_an_order_of_its_own() -> None:
    backend = ClockedBackend()
    measure(nothing_yet(), backend, timer=backend.timer)
    runs_a_visit = SETTINGS.warm_up + SETTINGS.repeats
    visits = backend.visits[::runs_a_visit]
    assert backend.visits == [key for key in visits for _ in range(runs_a_visit)]
    expected = Counter({subject.key: subject.visits for subject in subjects(SETTINGS)})
    rounds = [
        tuple(visits[start : start + expected.total()]) for start in range(0, len(visits), expected.total())
    ]
    assert len(rounds) == SETTINGS.rounds
    assert all(Counter(each) == expected for each in rounds)
    assert len(set(rounds)) == SETTINGS.rounds


def test_warm_up_is_not_timed() -> None:
    backend = ClockedBackend()
    settings = SETTINGS.model_copy(update={"warm_up": 5})
    found = measure(nothing_yet(settings), backend, timer=backend.timer)
    runs_a_visit = settings.rounds * settings.repeats
    expected = {subject.key: subject.visits * runs_a_visit for subject in subjects(settings)}
    assert {key: len(runs) for key, runs in found.seconds.items()} == expected
    assert typical_ms(found) == pytest.approx(true_ms())


def test_drift_hits_all_alike() -> None:
    """A machine that gets slower and slower, up to twice as slow, shifts no type against another much."""
    settings = SETTINGS.model_copy(update={"rounds": 15})
    round_s = sum(true_ms()[subject.key] / 1000 * 3 * subject.visits for subject in subjects(SETTINGS))
    backend = ClockedBackend(slowness=lambda now: 1 + now / (1.5 * round_s * settings.rounds))
    found = typical_ms(measure(nothing_yet(settings), backend, timer=backend.timer))
    ratios = [found[key] / true for key, true in true_ms().items()]
    assert min(ratios) > 1.2
    assert max(ratios) / min(ratios) < 1.1


class BrokenOffError(Exception):
    pass


def test_a_run_that_was_broken_off_goes_on_after_its_last_whole_round() -> None:
    kept: list[Measurements] = []

    def break_off(measurements: Measurements) -> None:
        kept.append(measurements)
        if measurements.rounds_done == 2:
            raise BrokenOffError

    first = ClockedBackend()
    with pytest.raises(BrokenOffError):
        measure(nothing_yet(), first, on_round=break_off, timer=first.timer)
    assert (kept[-1].rounds_done, kept[-1].is_complete) == (2, False)
    second = ClockedBackend()
    finished = measure(kept[-1], second, timer=second.timer)
    assert finished.is_complete
    assert len(second.visits) == len(first.visits) // 2
    whole = ClockedBackend()
    unbroken = measure(nothing_yet(), whole, timer=whole.timer)
    assert fit_platform(finished, "x") == fit_platform(unbroken, "x")
    assert list(finished.seconds) == list(unbroken.seconds)


def test_nothing_is_built_when_all_is_measured() -> None:
    backend = ClockedBackend()
    finished = measure(nothing_yet(), backend, timer=backend.timer)
    again = ClockedBackend()
    assert measure(finished, again) is finished
    assert again.prepared == []


def test_progress_is_told() -> None:
    backend = ClockedBackend()
    built: list[tuple[int, int]] = []
    rounds: list[int] = []
    measure(
        nothing_yet(),
        backend,
        on_prepared=lambda done, total: built.append((done, total)),
        on_round=lambda measurements: rounds.append(measurements.rounds_done),
        timer=backend.timer,
    )
    total = len(subjects(SETTINGS))
    assert built == [(done, total) for done in range(1, total + 1)]
    assert rounds == [1, 2, 3]


@pytest.mark.parametrize("clock", ["wall", "cpu"])
def test_real_networks_take_time_on_either_clock(clock: Clock) -> None:
    settings = ProfileSettings(
        clock=clock, image_size=16, width=0.25, classes=10, rounds=1, repeats=1, calibration=1
    )
    found = measure(nothing_yet(settings), TorchBackend())
    assert all(runs[0] > 0 for runs in found.seconds.values())
    assert found.seconds["calibration 0"] > found.seconds["call"]
