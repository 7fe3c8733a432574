"""Accuracy and runtime of searches as two processes, and Eq. 19 expected under them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from solver.base import Interval, Observation, Pending, Problem
from solver.composite.inequality import Side, within_sides
from solver.composite.population import condition
from solver.composite.process import Array, Places, Posterior, Prior
from solver.history import with_outcome
from solver.space import to_unit

_ACCURACY = Prior(
    level=(0.8, 0.3),
    slope=(-0.08, 0.1),
    offset=0.2,
    amplitude=(0.05, 0.7),
    length=(0.35, 0.5),
    noise=(0.004, 0.8),
    short_noise=(1.3, 0.5),
    bias=(0.04, 1.5),
    shift=(0.0, 0.2),
)
_QUANTILES = 64
_HIT_TOLERANCE = 0.03  # a hinged search that met its aim may end a little above


def _log_runtime_prior(problem: Problem) -> Prior:
    """Of log R in log ms: a trend that falls with lambda, from about 1.6 times the target to 0.6 times."""
    return Prior(
        level=(math.fsum(map(math.log, problem.targets_ms)) / len(problem.targets_ms), 0.5),
        slope=(-0.9, 0.6),
        offset=0.2,
        amplitude=(0.25, 0.7),
        length=(0.3, 0.5),
        noise=(0.02, 0.9),
        short_noise=(1.3, 0.5),
        bias=(0.15, 1.5),
        shift=(0.0, 0.2),
    )


@dataclass(frozen=True)
class OutcomeModel:
    """Posteriors of the accuracy and of log R, taken as independent, under K hyperparameter vectors each."""

    problem: Problem
    accuracy: Posterior
    log_runtime: Posterior

    @classmethod
    def of(cls, problem: Problem, history: Sequence[Observation], samples: int) -> "OutcomeModel":
        """Learns from the trials of Eq. 10 that have an outcome; there may be none.

        Of hinged trials only the side of their aim on which they ended is used.
        """
        return _learnt(problem, tuple(sorted(history, key=lambda trial: trial.number)), samples)

    def believing(self, trials: Sequence[Observation | Pending]) -> "OutcomeModel":
        """With trials whose outcome is not known taken at the model's word."""
        places = places_of(self.problem, trials)
        return OutcomeModel(self.problem, self.accuracy.believing(places), self.log_runtime.believing(places))

    def expected_rewards(self, units: Array, target_ms: float) -> Array:
        """Eq. 19 expected of new searches at full fidelity, shape of ``units``: (m,)."""
        places = full_fidelity(units)
        mean, variance = self.log_runtime.marginals(places)
        noise = self.log_runtime.process.noise_variance(places)
        factor = expected_factor(mean, variance + noise, target_ms)
        return np.asarray(self.accuracy.marginals(places)[0].mean(axis=0) * factor.mean(axis=0))

    def accuracy_interval(self, unit: float, probability: float) -> Interval:
        """Accuracy of a new search at full fidelity."""
        return _interval(np.clip(_predictive(self.accuracy, unit), 0.0, 1.0), probability)

    def runtime_interval_ms(self, unit: float, probability: float) -> Interval:
        """Runtime R in ms of a new search at full fidelity."""
        return _interval(np.exp(_predictive(self.log_runtime, unit)), probability)

    def probability_within(self, unit: float, target_ms: float) -> float:
        """P(R <= R_T) for a new search at full fidelity."""
        places = full_fidelity(np.array([unit]))
        mean, variance = self.log_runtime.marginals(places)
        deviation = np.sqrt(variance + self.log_runtime.process.noise_variance(places))
        return float(ndtr((math.log(target_ms) - mean) / deviation).mean())


@lru_cache(maxsize=4)  # a recommendation and the next suggestion come from the same trials
def _learnt(problem: Problem, history: tuple[Observation, ...], samples: int) -> OutcomeModel:
    trials = with_outcome(history)
    places = places_of(problem, trials)
    accuracies = np.array([trial.accuracy for trial in trials], dtype=float)
    runtimes_ms = np.array([trial.runtime_ms for trial in trials], dtype=float)
    log_runtime = condition(_log_runtime_prior(problem), places, np.log(runtimes_ms), samples)
    return OutcomeModel(
        problem,
        condition(_ACCURACY, places, accuracies, samples),
        within_sides(log_runtime, sides_of(problem, history)),
    )


def shortness(problem: Problem, epochs: int) -> float:
    """0 at full fidelity, 1 at the lowest, in between by the logarithm of the epochs."""
    if problem.epochs_min == problem.epochs_max:
        return 0.0
    return math.log(problem.epochs_max / epochs) / math.log(problem.epochs_max / problem.epochs_min)


def places_of(problem: Problem, trials: Sequence[Observation | Pending]) -> Places:
    """Where trials are."""
    return Places(
        np.array([to_unit(problem, trial.lambda_) for trial in trials]),
        np.array([shortness(problem, trial.epochs) for trial in trials]),
    )


def sides_of(problem: Problem, history: Sequence[Observation]) -> list[Side]:
    """What hinged trials tell, by number: whether plain ones with their lambda end above their aim."""
    return [
        Side(
            to_unit(problem, trial.lambda_),
            shortness(problem, trial.epochs),
            bound=math.log(trial.hinge_target_ms),
            at_most=trial.runtime_ms <= trial.hinge_target_ms * (1 + _HIT_TOLERANCE),
        )
        for trial in sorted(history, key=lambda trial: trial.number)
        if trial.hinge_target_ms is not None and trial.runtime_ms is not None
    ]


def full_fidelity(units: Array) -> Places:
    """Places at full fidelity."""
    return Places(units, np.zeros_like(units))


def expected_factor(mean: Array, variance: Array, target_ms: float) -> Array:
    """E[min(1, R_T / R)], the factor of Eq. 19, for normal log R with these means and variances."""
    excess, deviation = mean - math.log(target_ms), np.sqrt(variance)
    within = ndtr(-excess / deviation)
    # The exponent is large only where the normal probability vanishes faster.
    above = np.exp(np.minimum(variance / 2 - excess, 50.0)) * ndtr((excess - variance) / deviation)
    return np.asarray(within + above)


def _predictive(posterior: Posterior, unit: float) -> Array:
    """Evenly weighted quantiles of a new outcome at full fidelity under each hyperparameter vector."""
    places = full_fidelity(np.array([unit]))
    mean, variance = posterior.marginals(places)
    deviation = np.sqrt(variance + posterior.process.noise_variance(places))
    quantiles = ndtri((np.arange(_QUANTILES) + 0.5) / _QUANTILES)
    return np.asarray((mean + deviation * quantiles).ravel())


def _interval(values: Array, probability: float) -> Interval:
    low, high = np.quantile(values, [(1 - probability) / 2, (1 + probability) / 2])
    return Interval(float(values.mean()), float(low), float(high), probability)
