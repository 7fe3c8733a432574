"""What another search is expected to be worth: one-step look-ahead through Eq. 19 (knowledge gradient).

A search moves the two processes by an amount whose distribution is known beforehand. For each candidate the
expected Eq. 19 of the lambda that would then be recommended is averaged over that distribution; its excess
over what is recommended now is the candidate's gain. Unlike expected improvement it values a search by what
it teaches about every lambda, so noise is no obstacle, and short searches are weighed by the same measure.
"""

import numpy as np

from solver.composite.outcome import OutcomeModel, expected_factor, full_fidelity
from solver.composite.process import Array, Places

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def gains(model: OutcomeModel, candidates: Places, units: Array) -> Array:
    """Expected gain in Eq. 19, averaged over the targets, of a search at each candidate, shape (c,).

    Args:
        model: What is known, pending trials included.
        candidates: Where the search may be.
        units: Places of lambda that could be recommended, shape (m,).
    """
    places = full_fidelity(units)
    accuracy = model.accuracy.marginals(places)[0][:, None, :]
    accuracy_update = model.accuracy.updates(candidates, places)
    log_runtime, variance = (part[:, None, :] for part in model.log_runtime.marginals(places))
    log_runtime_update = model.log_runtime.updates(candidates, places)
    remaining = np.maximum(variance - log_runtime_update**2, 0.0)
    remaining += model.log_runtime.process.noise_variance(places)[:, None, :]
    # Means over the hyperparameters come first: a search would not reveal which of them hold.
    accuracies = [(accuracy + node * accuracy_update).mean(axis=0) for node in _NODES]
    total = np.zeros(len(candidates))
    for target_ms in model.problem.targets_ms:
        afterwards = np.zeros(len(candidates))
        now = np.zeros((len(candidates), len(units)))
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            factor = expected_factor(log_runtime + node * log_runtime_update, remaining, target_ms).mean(
                axis=0
            )
            for mean_accuracy, other in zip(accuracies, _WEIGHTS, strict=True):
                reward = mean_accuracy * factor
                afterwards += weight * other * reward.max(axis=1)
                now += weight * other * reward
        total += afterwards - now.max(axis=1)
    return np.maximum(total / len(model.problem.targets_ms), 0.0)
