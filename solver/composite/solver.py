"""The composite solver, to be chosen as ``composite``."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from solver.base import (
    Forecast,
    Observation,
    Pending,
    Problem,
    Recommendation,
    Solver,
    Suggestion,
    best_trial,
)
from solver.composite.lookahead import gains
from solver.composite.outcome import OutcomeModel, shortness
from solver.composite.process import Array, Places
from solver.history import next_number, plain, with_outcome, without_outcome
from solver.space import apart, from_unit, generator, to_unit

_SAMPLES = 16
_RECOMMENDABLE = 101
_CANDIDATES = 24
_NEAR_CANDIDATES = 8
_FIDELITIES = 4
_INTERVAL = 0.9
_FORECASTS = 41


class Composite(Solver):
    """Models accuracy and log R over lambda and epochs apart, and looks one search ahead through Eq. 19.

    Since Eq. 19 is known, nothing about its kink has to be learnt, and a trial serves every target. Lambda
    and epochs are chosen together, by the expected gain per square root of the epochs. Trials at full
    fidelity get at least half of the epochs and the last affordable one, since a ConvNet is taken from those
    only; a remainder smaller than full fidelity is left.
    """

    description: ClassVar[str] = (
        "Models accuracy and runtime apart; fewest searches, several targets at once."
    )

    kind: Literal["composite"] = "composite"
    fidelities: Literal["auto", "full"] = Field(
        "auto", description="auto: short searches where they promise more per epoch; full: none."
    )
    stop_below_gain: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="End the study when another search promises less than this in reward; none: never.",
    )

    def suggest(
        self,
        problem: Problem,
        history: Sequence[Observation],
        pending: Sequence[Pending],
        remaining_epochs: int,
    ) -> Suggestion | None:
        """See :meth:`solver.base.Solver.suggest`."""
        if remaining_epochs < problem.epochs_max:
            return None
        number = next_number(history, pending)
        model = OutcomeModel.of(problem, history, _SAMPLES)
        model = model.believing(without_outcome(history, pending))
        epochs = self._fidelities(problem, plain(history, pending), remaining_epochs)
        units = np.linspace(0, 1, _RECOMMENDABLE)
        candidates, costs = _candidates(model, epochs, units, number)
        gain = gains(model, candidates, units)
        seen = any(trial.epochs == problem.epochs_max for trial in with_outcome(history))
        if self.stop_below_gain is not None and seen and gain.max() < self.stop_below_gain:
            return None
        best = int(np.argmax(gain / np.sqrt(costs)))
        tried = (to_unit(problem, trial.lambda_) for trial in plain(history, pending))
        return Suggestion(from_unit(problem, apart(float(candidates.u[best]), tried)), int(costs[best]))

    def recommend(
        self, problem: Problem, history: Sequence[Observation], target_ms: float | None = None
    ) -> Recommendation | None:
        """The lambda with the highest expected Eq. 19; see :meth:`solver.base.Solver.recommend`.

        The intervals are of a new search with that lambda and hold with 90 %. Unlike with other solvers it
        may be a lambda that was not searched, and short searches alone suffice.
        """
        if not with_outcome(history):
            return super().recommend(problem, history, target_ms)
        target_ms = problem.targets_ms[0] if target_ms is None else target_ms
        model = OutcomeModel.of(problem, history, _SAMPLES)
        units = np.linspace(0, 1, 4 * _RECOMMENDABLE)
        rewards = model.expected_rewards(units, target_ms)
        unit = float(units[rewards.argmax()])
        best = best_trial(problem, history, target_ms)
        return Recommendation(
            target_ms=target_ms,
            lambda_=from_unit(problem, unit),
            reward=float(rewards.max()),
            number=None if best is None else best[0].number,
            accuracy=model.accuracy_interval(unit, _INTERVAL),
            runtime_ms=model.runtime_interval_ms(unit, _INTERVAL),
            probability_within=model.probability_within(unit, target_ms),
        )

    def forecast(self, problem: Problem, history: Sequence[Observation]) -> Forecast | None:
        """See :meth:`solver.base.Solver.forecast`; the intervals hold with 90 %."""
        if not with_outcome(history):
            return None
        model = OutcomeModel.of(problem, history, _SAMPLES)
        units = [float(unit) for unit in np.linspace(0, 1, _FORECASTS)]
        return Forecast(
            tuple(from_unit(problem, unit) for unit in units),
            tuple(model.accuracy_interval(unit, _INTERVAL) for unit in units),
            tuple(model.runtime_interval_ms(unit, _INTERVAL) for unit in units),
        )

    def _fidelities(
        self, problem: Problem, trials: Sequence[Observation | Pending], remaining_epochs: int
    ) -> list[int]:
        """Epochs that may be proposed."""
        full = problem.epochs_max
        long_epochs = sum(trial.epochs for trial in trials if trial.epochs == full)
        short_epochs = sum(trial.epochs for trial in trials) - long_epochs
        if self.fidelities == "full" or short_epochs >= long_epochs + full:
            return [full]
        spread = np.unique(np.linspace(problem.epochs_min, full, _FIDELITIES).round().astype(int))
        return [int(z) for z in spread if z == full or remaining_epochs - z >= full]


def _candidates(
    model: OutcomeModel, epochs: Sequence[int], units: Array, number: int
) -> tuple[Places, Array]:
    """Where the next search may be, and its epochs, shape (c,).

    Lambdas are spread evenly with a random start in each stretch, and some lie close to the best one of a
    target, since the grid is coarser than what many searches can tell.
    """
    problem = model.problem
    rng = generator(problem, number)
    spread = (np.arange(_CANDIDATES) + rng.random(_CANDIDATES)) / _CANDIDATES
    tops = [units[model.expected_rewards(units, target_ms).argmax()] for target_ms in problem.targets_ms]
    near = rng.choice(tops, size=_NEAR_CANDIDATES) + rng.normal(0, 1 / _CANDIDATES, size=_NEAR_CANDIDATES)
    lambdas = np.clip(np.concatenate((spread, near)), 0.0, 1.0)
    h = [shortness(problem, z) for z in epochs]
    costs = np.repeat(np.array(epochs, dtype=float), len(lambdas))
    return Places(np.tile(lambdas, len(epochs)), np.repeat(h, len(lambdas))), costs
