"""What a solver is benchmarked on: outcomes of searches as a function of lambda, epochs and seed."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from solver.base import Problem
from solver.space import to_unit

Array = npt.NDArray[np.float64]

_TRUTH_POINTS = 401
_TRUTH_SEARCHES = 400


@dataclass(frozen=True)
class Landscape(ABC):
    """Made-up or recorded searches, and the truth that a solver is judged by.

    Attributes:
        name: Family or table that it belongs to.
        problem: What the study asks; its first target is the one that is judged.
    """

    name: str
    problem: Problem

    @abstractmethod
    def outcomes(self, units: Array, epochs: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Accuracies in [0, 1] and runtimes in ms of searches that share one seed.

        Args:
            units: Places of lambda on the unit log scale, shape (n,).
            epochs: Length of the searches.
            rng: Stands for the seed: equal generators give the same noise whatever the lambda.
        """

    def search(
        self, lambda_: float, epochs: int, seed: int, hinge_target_ms: float | None = None
    ) -> tuple[float, float]:
        """(accuracy, runtime_ms) of one search.

        A hinged one lands within its aim whatever lambda, like the plain one of the lowest lambda that does.
        """
        unit = to_unit(self.problem, lambda_)
        units = np.array([unit]) if hinge_target_ms is None else np.linspace(0, 1, _TRUTH_POINTS)
        accuracy, runtime_ms = self.outcomes(units, epochs, np.random.default_rng((seed, epochs)))
        within = runtime_ms <= (np.inf if hinge_target_ms is None else hinge_target_ms)
        at = int(within.argmax()) if within.any() else -1
        return float(accuracy[at]), float(runtime_ms[at])

    @cached_property
    def expected_rewards(self) -> tuple[Array, Array]:
        """Places of lambda and Eq. 19 there, expected over the seeds of searches at full fidelity."""
        units = np.linspace(0, 1, _TRUTH_POINTS)
        target_ms = self.problem.targets_ms[0]
        total = np.zeros_like(units)
        for number in range(_TRUTH_SEARCHES):
            accuracy, runtime_ms = self.outcomes(
                units, self.problem.epochs_max, np.random.default_rng((10**6, number))
            )
            total += accuracy * np.minimum(1.0, target_ms / runtime_ms)
        return units, total / _TRUTH_SEARCHES

    @property
    def good_share(self) -> float:
        """Share of the log scale of lambda on which the regret is at most 1 %."""
        _, rewards = self.expected_rewards
        return float(np.mean(rewards >= 0.99 * rewards.max()))

    def regret(self, lambda_: float) -> float:
        """Share of the best expected reward that searches with this lambda at full fidelity miss."""
        units, rewards = self.expected_rewards
        value = np.interp(to_unit(self.problem, lambda_), units, rewards)
        return float(max(0.0, 1 - value / rewards.max()))
