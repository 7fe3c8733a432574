"""Multi-fidelity Bayesian optimisation with Dragonfly: lambda and epochs (Sec. VII-B, solver 2)."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from solver.base import Observation, Pending, Problem, Solver, Suggestion
from solver.dragonfly_ask import Datum, Point, ask
from solver.history import mean_reward, next_number, plain, with_outcome, without_outcome
from solver.space import apart, from_unit, space_filling, to_unit

_LOW_FIDELITIES = 3


class MultiFidelity(Solver):
    """Dragonfly's BOCA: a Gaussian process of Eq. 19 over log lambda and epochs, optimised at full fidelity.

    The initial design alternates low and full fidelity. The cost of a trial is its epochs. A short trial is
    proposed only while the budget still buys one at full fidelity after it, since only those are recommended;
    a remainder smaller than full fidelity is left.
    """

    description: ClassVar[str] = "Bayesian optimisation over lambda and epochs (Dragonfly, BOCA)."

    kind: Literal["multi_fidelity"] = "multi_fidelity"
    initial_trials: int = Field(6, ge=1, le=100, description="Space-filling trials before any by the model.")

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
        known = with_outcome(history)
        if number < self.initial_trials or not known:
            point = _initial(problem, number)
        else:
            point = ask(
                [Datum(_place(problem, trial), mean_reward(problem, trial)) for trial in known],
                [_place(problem, trial) for trial in without_outcome(history, pending)],
                _fidelities(problem),
                (problem.seed, number),
            )
        affordable = remaining_epochs - point.epochs >= problem.epochs_max
        tried = (to_unit(problem, trial.lambda_) for trial in plain(history, pending))
        return Suggestion(
            from_unit(problem, apart(point.unit, tried)), point.epochs if affordable else problem.epochs_max
        )


def _initial(problem: Problem, number: int) -> Point:
    """Space-filling in lambda; odd numbers at full fidelity, even ones in turn at spread lower ones."""
    epochs = problem.epochs_max
    if number % 2 == 0:
        step = number // 2 % _LOW_FIDELITIES
        epochs = problem.epochs_min + step * (problem.epochs_max - problem.epochs_min) // _LOW_FIDELITIES
    return Point(space_filling(problem, number), epochs)


def _fidelities(problem: Problem) -> tuple[int, int] | None:
    """Range of the epochs, or None when there is nothing to choose."""
    if problem.epochs_min == problem.epochs_max:
        return None
    return problem.epochs_min, problem.epochs_max


def _place(problem: Problem, trial: Observation | Pending) -> Point:
    return Point(to_unit(problem, trial.lambda_), trial.epochs)
