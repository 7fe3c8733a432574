"""Recorded searches as a landscape: JSON lines as ``benchmarks.search_table`` writes them.

Of each line ``lambda``, ``epochs``, ``hinge_target_ms``, ``accuracy`` and ``runtime_ms`` are read; hinged
searches are left out. Between recorded lambdas accuracy and log R are interpolated along log lambda. At each
recorded lambda the outcome of one of its seeds is drawn, so the noise is that between real searches.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks._landscape import Array, Landscape
from benchmarks.search_table import read_table
from solver.base import Problem

_FEWEST_LAMBDAS = 3


@dataclass(frozen=True)
class Recorded(Landscape):
    """A table and a target.

    Attributes:
        units: For each recorded number of epochs the places of its lambdas, ascending.
        outcomes_by_seed: For each number of epochs and each of its lambdas (accuracy, log R) of its seeds,
            shape (s, 2).
    """

    units: dict[int, Array]
    outcomes_by_seed: dict[int, tuple[Array, ...]]

    def outcomes(self, units: Array, epochs: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """See :meth:`Landscape.outcomes`; others than recorded are interpolated by their logarithm."""
        recorded = sorted(self.units)
        above = min((known for known in recorded if known >= epochs), default=recorded[-1])
        below = max((known for known in recorded if known <= epochs), default=recorded[0])
        high = self._drawn(units, above, rng)
        low = high if above == below else self._drawn(units, below, rng)
        share = 0.0 if above == below else np.log(epochs / below) / np.log(above / below)
        mixed = (1 - share) * low + share * high
        return mixed[0], np.exp(mixed[1])

    def _drawn(self, units: Array, epochs: int, rng: np.random.Generator) -> Array:
        """Accuracies and log R at places, shape (2, n)."""
        drawn = np.array([seeds[rng.integers(len(seeds))] for seeds in self.outcomes_by_seed[epochs]])
        return np.array([np.interp(units, self.units[epochs], column) for column in drawn.T])


def recorded(path: Path, seed: int) -> Recorded:
    """The landscape of a table; the target is drawn from the seed out of the middle of the runtimes.

    Raises:
        ValueError: The table does not hold enough searches.
    """
    cells: dict[tuple[int, float], list[tuple[float, float]]] = defaultdict(list)
    for row in read_table(path)[1]:
        if row["hinge_target_ms"] is None:
            cells[row["epochs"], row["lambda"]].append((row["accuracy"], float(np.log(row["runtime_ms"]))))
    lambdas = {epochs: sorted(value for at, value in cells if at == epochs) for epochs, _ in cells}
    lambdas = {epochs: values for epochs, values in lambdas.items() if len(values) >= _FEWEST_LAMBDAS}
    if not lambdas:
        raise ValueError(f"{path} must hold {_FEWEST_LAMBDAS} lambdas or more at one number of epochs")
    full = max(lambdas)
    log_runtimes = np.concatenate([[r for _, r in cells[full, value]] for value in lambdas[full]])
    fastest, slowest = log_runtimes.min(), log_runtimes.max()
    share = np.random.default_rng((3, seed)).uniform(0.2, 0.8)
    low, high = lambdas[full][0], lambdas[full][-1]
    return Recorded(
        path.stem,
        Problem(
            targets_ms=(float(np.exp(fastest + share * (slowest - fastest))),),
            lambda_low=low,
            lambda_high=high,
            epochs_min=min(lambdas),
            epochs_max=full,
            seed=seed,
        ),
        units={
            epochs: np.log(np.array(values) / low) / np.log(high / low) for epochs, values in lambdas.items()
        },
        outcomes_by_seed={
            epochs: tuple(np.array(cells[epochs, value]) for value in values)
            for epochs, values in lambdas.items()
        },
    )
