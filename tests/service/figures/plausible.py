"""Searches that look like real ones (the synthetic job of the solver comparison), for figures and pages."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nas_worker.job import EpochReport
from nas_worker.space import SEARCHABLE, allowed_types, parse_layer_type
from nas_worker.superkernel import layer_gates
from solver.base import Suggestion


@dataclass(frozen=True, slots=True)
class Search:
    """What a solver asked for and what the search reported, epoch by epoch."""

    suggestion: Suggestion
    reports: tuple[EpochReport, ...]


def searches(count: int, *, low_fidelity: bool = False, seed: int = 0) -> Iterator[Search]:
    """Plausible searches for a target of 80 ms over lambda in [0.1, 10], of 8 epochs or of 2 to 8."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        lambda_ = float(10 ** random.uniform(-1, 1))
        epochs = int(random.integers(2, 9)) if low_fidelity else 8
        yield Search(Suggestion(lambda_, epochs), tuple(_reports(lambda_, epochs, random)))


def _reports(lambda_: float, epochs: int, random: np.random.Generator) -> Iterator[EpochReport]:
    log = math.log10(lambda_)
    bend = log - 0.1 + 0.06 * (8 - epochs)
    final_ms = (60 + 80 / (1 + math.exp(5 * bend))) * math.exp(random.normal(0, 0.02))
    final_accuracy = 0.6 + 0.16 * (1 - math.exp(-epochs / 3)) - 0.12 / (1 + math.exp(-6 * (log - 0.1)))
    final_accuracy += float(random.normal(0, 0.003))
    types = [random.choice(list(map(str, allowed_types(layer)))) for layer in SEARCHABLE]
    for epoch in range(1, epochs + 1):
        done = max(0.0, (epoch / epochs - 0.625) / 0.375)
        if done and epoch < epochs:
            layer = int(random.integers(len(SEARCHABLE)))
            types[layer] = random.choice(list(map(str, allowed_types(layer + 1))))
        yield EpochReport(
            epoch=epoch,
            cross_entropy=0.5 + 1.9 * math.exp(-epoch / 2.5) + float(random.normal(0, 0.02)),
            accuracy=final_accuracy - 0.25 * (math.exp(-epoch / 1.5) - math.exp(-epochs / 1.5)),
            runtime_ms=148 + (float(final_ms) - 148) * done,
            seconds=4.5,
            architecture=tuple(map(str, types)),
            checkpoint=None,
            gate_margins=_margins(types, 0.3 * epoch / epochs),
        )


def _margins(types: Sequence[str], depth: float) -> tuple[tuple[float, ...], ...]:
    """Of gates that are open as the layers say, the more clearly the deeper."""
    gates = np.array([layer_gates(parse_layer_type(str(text))) for text in types])
    found = (2 * gates - 1) * depth * np.random.default_rng(0).uniform(0.1, 1, gates.shape)
    return tuple(tuple(map(float, row)) for row in found.round(4))
