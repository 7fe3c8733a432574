"""Samples of a process's hyperparameters given data, by adaptive importance sampling.

With a handful of searches the hyperparameters are uncertain, and a solver that trusts one best fit is misled.
Drawn from the prior, weighted by the marginal likelihood, redrawn around the weighted mean and weighted again
(population Monte Carlo, Cappe et al. 2004). All draws come from fixed Sobol points, so the same data give the
same samples.
"""

from functools import cache

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from solver.composite.process import HYPERPARAMETERS, Array, Places, Posterior, Prior, Process

_DRAWS = 256
_MOST_DATA = 40  # outcomes that the hyperparameters are judged by; more would cost much and change little
_MOST_CONDITIONED = 250  # outcomes in all, since memory grows with their square
_ROUNDS = 2
_WIDENING = 1.5  # of the proposal's covariance over the weighted draws', against too narrow a fit


def condition(prior: Prior, data: Places, outcomes: Array, samples: int) -> Posterior:
    """The posterior under equally likely hyperparameter samples.

    Of many outcomes an even spread in their order counts: of 40 for the hyperparameters, of 250 for the rest.

    Args:
        prior: What is believed before any search.
        data: Where the n outcomes are; n may be 0.
        outcomes: Their values, shape (n,).
        samples: Number of hyperparameter vectors, K.
    """
    theta = _sample(prior, *_spread(data, outcomes, _MOST_DATA), samples)
    return Posterior.of(Process(prior, theta), *_spread(data, outcomes, _MOST_CONDITIONED))


def _spread(data: Places, outcomes: Array, most: int) -> tuple[Places, Array]:
    at = np.linspace(0, len(data) - 1, min(len(data), most)).astype(int)
    return Places(data.u[at], data.h[at]), outcomes[at]


def _sample(prior: Prior, data: Places, outcomes: Array, samples: int) -> Array:
    """Hyperparameter vectors, shape (samples, 6)."""
    mean, deviation = prior.theta
    theta = mean + deviation * _normals(0)
    weights = _normalised(_log_likelihoods(prior, theta, data, outcomes))
    for number in range(1, _ROUNDS + 1):
        centre = weights @ theta
        spread = (weights[:, None] * (theta - centre)).T @ (theta - centre)
        effective = 1 / np.sum(weights**2)
        # A bit of the prior keeps the proposal from collapsing onto a few draws.
        cover = np.diag(deviation**2) * (0.02 + 0.3 / effective)
        factor = np.linalg.cholesky(_WIDENING * spread + cover)
        normals = _normals(number)
        theta = centre + normals @ factor.T
        log_prior = -0.5 * np.sum(((theta - mean) / deviation) ** 2, axis=1)
        log_proposal = -0.5 * np.sum(normals**2, axis=1)
        likelihoods = _log_likelihoods(prior, theta, data, outcomes)
        weights = _normalised(likelihoods + log_prior - log_proposal)
    # Systematic resampling.
    chosen = np.searchsorted(np.cumsum(weights), (np.arange(samples) + 0.5) / samples)
    return np.asarray(theta[np.minimum(chosen, len(theta) - 1)])


def _log_likelihoods(prior: Prior, theta: Array, data: Places, outcomes: Array) -> Array:
    """Log marginal likelihoods up to a constant, shape (draws,).

    The last row of the Cholesky factor of the covariance bordered by the distances y from the prior mean is
    the whitened y, so that one factorisation gives both terms.
    """
    process = Process(prior, theta)
    noise = process.noise_variance(data)
    distance = outcomes - process.mean(data)
    size = len(data)
    bordered = np.zeros((len(theta), size + 1, size + 1))  # of which only the lower triangle is read
    rows, columns = np.tril_indices(size)
    one, two = (Places(data.u[index], data.h[index]) for index in (rows, columns))
    bordered[:, rows, columns] = process.paired_covariance(one, two)
    diagonal = np.arange(size)
    bordered[:, diagonal, diagonal] += noise
    bordered[:, size, :size] = distance
    # Large enough for the bordered matrix to be positive definite; its own pivot is not used.
    least = noise.min(axis=1, initial=1.0)
    bordered[:, size, size] = 1 + 2 * np.sum(distance**2, axis=1) / least
    factor = np.linalg.cholesky(bordered)
    determinant = np.log(np.diagonal(factor, axis1=1, axis2=2)[:, :size]).sum(axis=1)
    return np.asarray(-0.5 * np.sum(factor[:, size, :size] ** 2, axis=1) - determinant)


def _normalised(log_weights: Array) -> Array:
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())


@cache
def _normals(number: int) -> Array:
    """Evenly spread standard normal vectors, shape (draws, 6)."""
    points = qmc.Sobol(len(HYPERPARAMETERS), seed=number).random(_DRAWS)
    return np.asarray(ndtri(np.clip(points, 1e-6, 1 - 1e-6)))
