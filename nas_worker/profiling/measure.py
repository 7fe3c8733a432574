"""Times all subjects of a profile in rounds, so that drift of the machine hits all of them alike."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import torch

from nas_worker.profiling.backends import Backend, Run
from nas_worker.profiling.measurements import Measurements
from nas_worker.profiling.settings import Clock
from nas_worker.profiling.subjects import subjects

Timer = Callable[[], float]
"""Seconds since any fixed moment."""

TIMERS: dict[Clock, Timer] = {"wall": time.perf_counter, "cpu": time.thread_time}


def _nothing(*_: object) -> None:
    pass


def measure(
    measurements: Measurements,
    backend: Backend,
    *,
    on_prepared: Callable[[int, int], object] = _nothing,
    on_round: Callable[[Measurements], object] = _nothing,
    timer: Timer | None = None,
) -> Measurements:
    """Measures the rounds that are missing.

    Args:
        measurements: What is measured already, with the settings.
        backend: Runs the networks.
        on_prepared: Told after each network that is built: how many are, of how many.
        on_round: Given all measurements after each round.
        timer: Instead of the clock of the settings.

    Returns:
        Complete measurements.
    """
    settings = measurements.settings
    if measurements.is_complete:
        return measurements
    clock = timer or TIMERS[settings.clock]
    everything = subjects(settings)
    runs = []
    torch.manual_seed(settings.seed)
    for done, subject in enumerate(everything, start=1):
        runs.append((subject, backend.prepare(subject)))
        on_prepared(done, len(everything))
    visits = [(subject.key, run) for subject, run in runs for _ in range(subject.visits)]
    for number in range(measurements.rounds_done, settings.rounds):
        # Each round has its own order, so that no network always runs behind the same neighbour.
        order = Random(f"round {settings.seed} {number}").sample(visits, len(visits))  # noqa: S311 - no secret
        seconds: dict[str, tuple[float, ...]] = {subject.key: () for subject in everything}
        with _no_garbage_collection():
            for key, run in order:
                seconds[key] += _visit(run, settings.warm_up, settings.repeats, clock)
        measurements = measurements.with_round(seconds)
        on_round(measurements)
    return measurements


def _visit(run: Run, warm_up: int, repeats: int, clock: Timer) -> tuple[float, ...]:
    for _ in range(warm_up):
        run()
    seconds = []
    for _ in range(repeats):
        start = clock()
        run()
        seconds.append(clock() - start)
    return tuple(seconds)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
