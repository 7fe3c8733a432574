"""A Gaussian process of one outcome of a search over lambda and epochs, for many hyperparameters at once.

With u for lambda on the unit log scale and h for the shortness of the search, 0 at full fidelity and 1 at the
lowest, the outcome of a search is

    level + slope (u' - 1/2) + f(u') + h (offset + d(u)) + noise,    u' = u + shift h.

f and d are Matern-5/2 processes. A short search thus shows the same curve as a long one, moved along lambda
by ``shift``, up to a bias that is learnt; the noise grows with h as well. Level, slope and offset are
Gaussian and integrated out; the six hyperparameters below are sampled (:mod:`solver.composite.population`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

HYPERPARAMETERS = ("amplitude", "length", "noise", "short_noise", "bias", "shift")
"""Columns of ``theta``; all but the shift as logarithms."""

_NOISE_FLOOR = 1e-4
_BIAS_LENGTH = 2.0  # d varies more slowly than f by this factor


@dataclass(frozen=True)
class Prior:
    """What is believed of an outcome before any search.

    Attributes:
        level: Mean and deviation of the outcome in the middle of the range.
        slope: Mean and deviation of its trend from low to high lambda.
        offset: Deviation of the offset of the shortest searches.
        amplitude: Median of the deviation of f and its spread, the deviation of the logarithm.
        length: Median of the length scale of f and its spread, on the unit log scale of lambda.
        noise: Median of the deviation between seeds at full fidelity and its spread.
        short_noise: Median of the factor by which the shortest searches are noisier and its spread.
        bias: Median of the deviation of d and its spread.
        shift: Mean and deviation of the shift, on the unit log scale of lambda.
    """

    level: tuple[float, float]
    slope: tuple[float, float]
    offset: float
    amplitude: tuple[float, float]
    length: tuple[float, float]
    noise: tuple[float, float]
    short_noise: tuple[float, float]
    bias: tuple[float, float]
    shift: tuple[float, float]

    @property
    def theta(self) -> tuple[Array, Array]:
        """Means and deviations of the hyperparameters, shape (6,) each."""
        scales = (self.amplitude, self.length, self.noise, self.short_noise, self.bias)
        means = [*(np.log(median) for median, _ in scales), self.shift[0]]
        return np.array(means), np.array([*(spread for _, spread in scales), self.shift[1]])


@dataclass(frozen=True)
class Places:
    """Where searches are: ``u`` and ``h`` as above, shape (n,) each."""

    u: Array
    h: Array

    def __len__(self) -> int:
        """The number of places."""
        return len(self.u)

    def __add__(self, other: "Places") -> "Places":
        """These places and then the others."""
        return Places(np.concatenate((self.u, other.u)), np.concatenate((self.h, other.h)))


@dataclass(frozen=True)
class Process:
    """The prior process under K hyperparameter vectors ``theta``, shape (K, 6)."""

    prior: Prior
    theta: Array

    def mean(self, places: Places) -> Array:
        """Prior means, shape (K, n)."""
        return self.prior.level[0] + self.prior.slope[0] * (self._shifted(places) - 0.5)

    def variance(self, places: Places) -> Array:
        """Prior variances, shape (K, n)."""
        trend = self.prior.level[1] ** 2 + self.prior.slope[1] ** 2 * (self._shifted(places) - 0.5) ** 2
        amplitude, bias = self._scale("amplitude"), self._scale("bias")
        return trend + amplitude**2 + places.h**2 * (self.prior.offset**2 + bias**2)

    def covariance(self, one: Places, two: Places) -> Array:
        """Prior covariances of each of n places with each of m, shape (K, n, m)."""
        pairs = self.paired_covariance(
            Places(np.repeat(one.u, len(two)), np.repeat(one.h, len(two))),
            Places(np.tile(two.u, len(one)), np.tile(two.h, len(one))),
        )
        return pairs.reshape(len(self.theta), len(one), len(two))

    def paired_covariance(self, one: Places, two: Places) -> Array:
        """Prior covariances of n places with one other place each, shape (K, n)."""
        first, second = self._shifted(one), self._shifted(two)
        amplitude, length, bias = (self._scale(name) for name in ("amplitude", "length", "bias"))
        covariance = amplitude**2 * _matern((first - second) / length)
        covariance += self.prior.level[1] ** 2
        covariance += self.prior.slope[1] ** 2 * (first - 0.5) * (second - 0.5)
        short = np.flatnonzero(one.h * two.h)  # d and the offset concern no pair with a full-length search
        apart = (one.u[short] - two.u[short]) / (_BIAS_LENGTH * length)
        covariance[:, short] += (one.h * two.h)[short] * (self.prior.offset**2 + bias**2 * _matern(apart))
        return np.asarray(covariance)

    def noise_variance(self, places: Places) -> Array:
        """Variances between the seeds of a search, shape (K, n)."""
        deviation = self._scale("noise") * self._scale("short_noise") ** places.h
        return deviation**2 + _NOISE_FLOOR**2

    def _scale(self, name: str) -> Array:
        return np.exp(self.theta[:, HYPERPARAMETERS.index(name), None])

    def _shifted(self, places: Places) -> Array:
        return places.u + self.theta[:, HYPERPARAMETERS.index("shift"), None] * places.h


@dataclass(frozen=True)
class Posterior:
    """The process given n outcomes, under each of K hyperparameter vectors.

    Attributes:
        process: The prior.
        data: Where the outcomes are.
        outcomes: The outcomes, shape (K, n).
        whitener: Inverse Cholesky factors of their covariances, noise included, shape (K, n, n).
        whitened: The whitener times their distances from the prior means, shape (K, n).
    """

    process: Process
    data: Places
    outcomes: Array
    whitener: Array
    whitened: Array

    @classmethod
    def of(cls, process: Process, data: Places, outcomes: Array) -> "Posterior":
        """Conditions on outcomes, shape (n,) or (K, n)."""
        noise = process.noise_variance(data)
        outcomes = np.broadcast_to(outcomes, noise.shape)
        covariance = process.covariance(data, data) + noise[:, :, None] * np.eye(len(data))
        whitener = np.linalg.inv(np.linalg.cholesky(covariance))
        whitened = np.einsum("kij,kj->ki", whitener, outcomes - process.mean(data))
        return cls(process, data, outcomes, whitener, whitened)

    def believing(self, places: Places) -> "Posterior":
        """Also conditioned on its own means at places whose outcome is not known (kriging believer).

        Means stay as they are and variances shrink, so that pending trials are not proposed again.
        """
        if len(places) == 0:
            return self
        outcomes = np.concatenate((self.outcomes, self.marginals(places)[0]), axis=1)
        return Posterior.of(self.process, self.data + places, outcomes)

    def marginals(self, places: Places) -> tuple[Array, Array]:
        """Means and variances of the outcome without noise, shape (K, m) each."""
        loading = self._loading(places)
        mean = self.process.mean(places) + np.einsum("kn,knm->km", self.whitened, loading)
        variance = self.process.variance(places) - np.einsum("knm,knm->km", loading, loading)
        return mean, np.maximum(variance, _NOISE_FLOOR**2)

    def updates(self, candidates: Places, places: Places) -> Array:
        """By how much one deviation of a candidate's outcome would move the means at places, (K, c, m)."""
        cross = self.process.covariance(candidates, places)
        cross -= np.einsum("knc,knm->kcm", self._loading(candidates), self._loading(places), optimize=True)
        variance = self.marginals(candidates)[1] + self.process.noise_variance(candidates)
        return np.asarray(cross / np.sqrt(variance)[:, :, None])

    def _loading(self, places: Places) -> Array:
        """Whitened covariances of the data with places, shape (K, n, m)."""
        return np.asarray(self.whitener @ self.process.covariance(self.data, places))


def _matern(distance: Array) -> Array:
    """Matern-5/2 correlation at a distance in length scales, which is overwritten."""
    scaled = np.abs(distance, out=distance)
    scaled *= np.sqrt(5.0)
    correlation = scaled / 3
    correlation += 1
    correlation *= scaled
    correlation += 1
    np.negative(scaled, out=scaled)
    correlation *= np.exp(scaled, out=scaled)
    return np.asarray(correlation)
