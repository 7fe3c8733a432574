"""Vanilla Bayesian optimisation over lambda with Dragonfly (Sec. VII-B, solver 1)."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from solver.base import Observation, Pending, Problem, Solver, Suggestion
from solver.dragonfly_ask import Datum, Point, ask
from solver.history import mean_reward, next_number, plain, with_outcome, without_outcome
from solver.space import apart, from_unit, space_filling, to_unit


class Bayesian(Solver):
    """Dragonfly's Gaussian-process optimiser of Eq. 19 over log lambda, each trial at full fidelity.

    Several targets are served by their mean reward. A remainder of the budget that is smaller than full
    fidelity is left: a shorter search could not be recommended, and no other trial would follow it.
    """

    description: ClassVar[str] = "Bayesian optimisation over lambda (Dragonfly), always at full fidelity."

    kind: Literal["bayesian"] = "bayesian"
    initial_trials: int = Field(5, ge=1, le=100, description="Space-filling trials before any by the model.")

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
        full = [trial for trial in with_outcome(history) if trial.epochs == problem.epochs_max]
        if number < self.initial_trials or not full:
            unit = space_filling(problem, number)
        else:
            unit = ask(
                [Datum(_full(problem, trial), mean_reward(problem, trial)) for trial in full],
                [_full(problem, trial) for trial in without_outcome(history, pending)],
                None,
                (problem.seed, number),
            ).unit
        tried = (to_unit(problem, trial.lambda_) for trial in plain(history, pending))
        return Suggestion(from_unit(problem, apart(unit, tried)), problem.epochs_max)


def _full(problem: Problem, trial: Observation | Pending) -> Point:
    return Point(to_unit(problem, trial.lambda_), problem.epochs_max)
