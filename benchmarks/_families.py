"""Three synthetic families of landscapes, each member drawn anew from a seed.

They differ in how the runtime falls with lambda, in where the noise comes from and in how short searches
mislead: ``sigmoid`` shifts the fall along lambda, ``plateaus`` damps it, and ``gates`` closes a layer's gate
at a lambda that differs from search to search, so that its noise is largest where the runtime falls and
couples runtime and accuracy. The solvers' own options were chosen on seeds from 1000 of ``sigmoid`` and
``gates``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks._landscape import Array, Landscape
from solver.base import Problem

_LAYERS = 20
_WIDEST_GOOD_SHARE = 0.12


@dataclass(frozen=True)
class _Draw:
    """What every family draws: the range of runtimes and accuracies, the noise and the cost of few epochs."""

    fastest_ms: float
    slowest_ms: float
    target_ms: float
    accuracy: float
    accuracy_drop: float
    accuracy_noise: float
    runtime_noise: float
    short_accuracy_loss: float
    short_bias: float

    @classmethod
    def of(cls, rng: np.random.Generator) -> "_Draw":
        slowest_ms = rng.uniform(90, 170)
        fastest_ms = slowest_ms * rng.uniform(0.2, 0.5)
        return cls(
            fastest_ms=fastest_ms,
            slowest_ms=slowest_ms,
            target_ms=fastest_ms + rng.uniform(0.2, 0.8) * (slowest_ms - fastest_ms),
            accuracy=rng.uniform(0.7, 0.95),
            accuracy_drop=rng.uniform(0.06, 0.2),
            accuracy_noise=np.exp(rng.uniform(np.log(0.001), np.log(0.008))),
            runtime_noise=np.exp(rng.uniform(np.log(0.005), np.log(0.08))),
            short_accuracy_loss=rng.uniform(0.02, 0.3),
            short_bias=rng.uniform(-0.3, 1.0),
        )


@dataclass(frozen=True)
class _Member(Landscape):
    draw: _Draw

    def _shortness(self, epochs: int) -> float:
        """0 at full fidelity, 1 at the lowest."""
        problem = self.problem
        return (problem.epochs_max - epochs) / max(1, problem.epochs_max - problem.epochs_min)

    def _finished(
        self, accuracy: Array, runtime_ms: Array, epochs: int, rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """With the loss of accuracy by few epochs and the noise of the evaluation itself."""
        shortness = self._shortness(epochs)
        noise = rng.normal(size=2) * (1 + shortness)
        accuracy = (
            accuracy - self.draw.short_accuracy_loss * shortness**2 + self.draw.accuracy_noise * noise[0]
        )
        return np.clip(accuracy, 0.0, 1.0), runtime_ms * np.exp(self.draw.runtime_noise * noise[1])


@dataclass(frozen=True)
class _Sigmoid(_Member):
    kink: float
    slope: float
    accuracy_kink: float
    accuracy_slope: float

    def outcomes(self, units: Array, epochs: int, rng: np.random.Generator) -> tuple[Array, Array]:
        moved = units - 0.2 * self.draw.short_bias * self._shortness(epochs)
        open_share = _sigmoid(-self.slope * (moved - self.kink))
        runtime_ms = self.draw.fastest_ms + (self.draw.slowest_ms - self.draw.fastest_ms) * open_share
        lost = _sigmoid(self.accuracy_slope * (moved - self.accuracy_kink))
        return self._finished(self.draw.accuracy - self.draw.accuracy_drop * lost, runtime_ms, epochs, rng)


def _make_sigmoid(problem: Problem, draw: _Draw, rng: np.random.Generator) -> Landscape:
    kink = rng.uniform(0.2, 0.8)
    return _Sigmoid(
        "sigmoid",
        problem,
        draw,
        kink=kink,
        slope=np.exp(rng.uniform(np.log(12), np.log(60))),
        accuracy_kink=kink + rng.normal() * 0.1,
        accuracy_slope=rng.uniform(12, 45),
    )


@dataclass(frozen=True)
class _Plateaus(_Member):
    knots: Array
    fallen: Array
    curvature: float
    wiggle: Array

    def outcomes(self, units: Array, epochs: int, rng: np.random.Generator) -> tuple[Array, Array]:
        damping = 1 - 0.7 * max(0.0, self.draw.short_bias) * self._shortness(epochs)
        share = np.interp(units, self.knots, self.fallen) * damping
        runtime_ms = self.draw.slowest_ms * (self.draw.fastest_ms / self.draw.slowest_ms) ** share
        waves = np.sin(np.outer(units, [5.0, 11.0]) + self.wiggle[:2]) @ self.wiggle[2:]
        accuracy = self.draw.accuracy - self.draw.accuracy_drop * (share**self.curvature + 0.1 * waves)
        return self._finished(accuracy, runtime_ms, epochs, rng)


def _make_plateaus(problem: Problem, draw: _Draw, rng: np.random.Generator) -> Landscape:
    inner = np.sort(rng.uniform(0.05, 0.95, size=5))
    falls = rng.dirichlet(np.full(6, 0.6))
    return _Plateaus(
        "plateaus",
        problem,
        draw,
        knots=np.concatenate(([0.0], inner, [1.0])),
        fallen=np.concatenate(([0.0], np.cumsum(falls))),
        curvature=rng.uniform(0.7, 3),
        wiggle=np.concatenate((rng.uniform(0, 2 * np.pi, size=2), rng.normal(size=2))),
    )


@dataclass(frozen=True)
class _Gates(_Member):
    closing: Array
    layer_share: Array
    layer_worth: Array
    scatter: float
    sharpness: float

    def outcomes(self, units: Array, epochs: int, rng: np.random.Generator) -> tuple[Array, Array]:
        shortness = self._shortness(epochs)
        closing = self.closing + 0.2 * self.draw.short_bias * shortness
        closing = closing + self.scatter * (1 + shortness) * rng.normal(size=_LAYERS)
        closed = _sigmoid(self.sharpness * (units[:, None] - closing[None, :]))
        span_ms = self.draw.slowest_ms - self.draw.fastest_ms
        runtime_ms = self.draw.slowest_ms - span_ms * (closed @ self.layer_share)
        accuracy = self.draw.accuracy - self.draw.accuracy_drop * (closed @ self.layer_worth)
        quiet = np.random.default_rng(rng.integers(2**32))
        accuracy, _ = self._finished(accuracy, runtime_ms, epochs, quiet)
        return accuracy, runtime_ms


def _make_gates(problem: Problem, draw: _Draw, rng: np.random.Generator) -> Landscape:
    share = rng.dirichlet(np.full(_LAYERS, 3.0))
    worth = share * np.exp(0.7 * rng.normal(size=_LAYERS))
    return _Gates(
        "gates",
        problem,
        draw,
        closing=rng.uniform(0.25, 0.75) + rng.uniform(0.02, 0.12) * rng.normal(size=_LAYERS),
        layer_share=share,
        layer_worth=worth / worth.sum(),
        scatter=np.exp(rng.uniform(np.log(0.007), np.log(0.07))),
        sharpness=rng.uniform(30, 90),
    )


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-np.clip(x, -60, 60)))


FAMILIES: dict[str, Callable[[Problem, _Draw, np.random.Generator], Landscape]] = {
    "sigmoid": _make_sigmoid,
    "plateaus": _make_plateaus,
    "gates": _make_gates,
}


def member(family: str, seed: int) -> Landscape:
    """The landscape of a family that belongs to a seed, over three decades of lambda and 2 to 8 epochs.

    Members on which much of the range is about as good as the best lambda would tell solvers apart by chance
    alone, and are drawn again.
    """
    rng = np.random.default_rng((sorted(FAMILIES).index(family), seed))
    while True:
        draw = _Draw.of(rng)
        problem = Problem(
            targets_ms=(draw.target_ms,),
            lambda_low=0.03,
            lambda_high=30.0,
            epochs_min=2,
            epochs_max=8,
            seed=seed,
        )
        drawn = FAMILIES[family](problem, draw, rng)
        if drawn.good_share < _WIDEST_GOOD_SHARE:
            return drawn
