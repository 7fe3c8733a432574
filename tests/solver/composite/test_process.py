import numpy as np
import pytest
from scipy.stats import multivariate_normal

from solver.composite.population import _log_likelihoods, condition
from solver.composite.process import Array, Places, Posterior, Prior, Process

PRIOR = Prior(
    level=(1.0, 0.5),
    slope=(-0.5, 0.3),
    offset=0.2,
    amplitude=(0.2, 0.5),
    length=(0.3, 0.5),
    noise=(0.02, 0.5),
    short_noise=(2.0, 0.3),
    bias=(0.1, 0.5),
    shift=(0.05, 0.1),
)


def places(count: int, seed: int = 0) -> Places:
    rng = np.random.default_rng(seed)
    return Places(rng.random(count), rng.choice([0.0, 0.5, 1.0], size=count))


def process(samples: int = 3) -> Process:
    mean, deviation = PRIOR.theta
    return Process(PRIOR, mean + deviation * np.random.default_rng(1).normal(size=(samples, len(mean))))


def outcomes(at: Places, seed: int = 0) -> Array:
    """Drawn from the first hyperparameter vector of :func:`process`."""
    made = process()
    covariance = made.covariance(at, at)[0] + np.diag(made.noise_variance(at)[0])
    return np.random.default_rng(seed).multivariate_normal(made.mean(at)[0], covariance)


def test_covariance_is_symmetric_positive_and_has_the_variances_on_its_diagonal() -> None:
    at = places(12)
    covariance = process().covariance(at, at)
    np.testing.assert_allclose(covariance, covariance.transpose(0, 2, 1))
    np.testing.assert_allclose(np.diagonal(covariance, axis1=1, axis2=2), process().variance(at))
    assert np.linalg.eigvalsh(covariance).min() > -1e-9


def test_posterior_is_that_of_the_textbook() -> None:
    data, at = places(7), places(4, seed=5)
    seen = outcomes(data)
    mean, variance = Posterior.of(process(), data, seen).marginals(at)
    made = process()
    for k in range(3):
        inner = made.covariance(data, data)[k] + np.diag(made.noise_variance(data)[k])
        cross = made.covariance(at, data)[k]
        expected = made.mean(at)[k] + cross @ np.linalg.solve(inner, seen - made.mean(data)[k])
        np.testing.assert_allclose(mean[k], expected, rtol=1e-6)
        shrunk = made.variance(at)[k] - np.diag(cross @ np.linalg.solve(inner, cross.T))
        np.testing.assert_allclose(variance[k], shrunk, rtol=1e-4, atol=1e-7)


def test_without_data_it_is_the_prior() -> None:
    nothing, at = places(0), places(3)
    mean, variance = Posterior.of(process(), nothing, np.empty(0)).marginals(at)
    np.testing.assert_allclose(mean, process().mean(at))
    np.testing.assert_allclose(variance, process().variance(at))


def test_believing_keeps_means_and_shrinks_variances() -> None:
    data, pending, at = places(6), places(2, seed=3), places(9, seed=4)
    posterior = Posterior.of(process(), data, outcomes(data))
    believing = posterior.believing(pending)
    mean, variance = posterior.marginals(at)
    believed_mean, believed_variance = believing.marginals(at)
    np.testing.assert_allclose(believed_mean, mean, rtol=1e-6)
    assert (believed_variance <= variance + 1e-9).all()
    there, believed_there = posterior.marginals(pending)[1], believing.marginals(pending)[1]
    assert (believed_there < there).all()


def test_updates_foretell_what_an_outcome_does() -> None:
    data, candidate, at = places(6), places(1, seed=8), places(5, seed=9)
    seen = outcomes(data)
    posterior = Posterior.of(process(), data, seen)
    mean, variance = posterior.marginals(candidate)
    deviation = np.sqrt(variance + process().noise_variance(candidate))
    surprised = mean + 1.5 * deviation
    repeated = np.concatenate((np.tile(seen, (3, 1)), surprised), axis=1)
    after = Posterior.of(process(), data + candidate, repeated).marginals(at)[0]
    foretold = posterior.marginals(at)[0] + 1.5 * posterior.updates(candidate, at)[:, 0, :]
    np.testing.assert_allclose(after, foretold, rtol=1e-5)


def test_likelihood_is_the_normal_density() -> None:
    data = places(8)
    seen = outcomes(data)
    made = process()
    found = _log_likelihoods(PRIOR, made.theta, data, seen)
    expected = [
        multivariate_normal.logpdf(
            seen,
            made.mean(data)[k],
            made.covariance(data, data)[k] + np.diag(made.noise_variance(data)[k]),
        )
        for k in range(3)
    ]
    np.testing.assert_allclose(np.diff(found), np.diff(expected), rtol=1e-6)


@pytest.mark.parametrize("noise", [0.005, 0.1])
def test_samples_learn_the_noise(noise: float) -> None:
    data = Places(np.linspace(0, 1, 40), np.zeros(40))
    seen = 1.0 - 0.5 * data.u + noise * np.random.default_rng(2).normal(size=40)
    posterior = condition(PRIOR, data, seen, 16)
    found = float(np.sqrt(posterior.process.noise_variance(data)).mean())
    assert found == pytest.approx(noise, rel=0.4)


def test_samples_learn_that_short_searches_are_shifted() -> None:
    units = np.tile(np.linspace(0, 1, 15), 2)
    h = np.repeat([0.0, 1.0], 15)
    moved = units - 0.15 * h
    data = Places(units, h)
    posterior = condition(PRIOR, data, 1 - 0.4 * np.tanh(8 * (moved - 0.5)), 16)
    assert posterior.process.theta[:, -1].mean() == pytest.approx(-0.15, abs=0.05)


def test_samples_are_the_same_each_time() -> None:
    data = places(5)
    seen = outcomes(data)
    first, second = (condition(PRIOR, data, seen, 8) for _ in range(2))
    np.testing.assert_array_equal(first.process.theta, second.process.theta)
