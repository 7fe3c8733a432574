"""A solver's recommendation together with the trials that it can be held against."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from solver.base import Forecast, Observation, Pending, Problem, Recommendation, Solver, Suggestion

_MOST_TRIALS = 500


@dataclass(frozen=True, slots=True)
class Advice:
    """What is recommended for one target.

    Attributes:
        recommendation: The solver's; by its model if it has one, else the best trial.
        nearest_number: Finished trial at full fidelity, with the same loss, whose lambda is closest to the
            recommended one on a log scale; None where there is none.
    """

    recommendation: Recommendation
    nearest_number: int | None

    @property
    def is_by_model(self) -> bool:
        """Whether it tells what to expect of a new search; else it is the outcome of the best trial."""
        return self.recommendation.runtime_ms is not None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a solver expects, and what it would search next.

    Attributes:
        forecast: Over the range of lambda; None where the solver has no model or no trial to go by.
        next_search: Beside those that are queued or running, if budget were left for one at full fidelity;
            None where the solver would search no more, or after more than 500 trials: it is not worth the
            seconds then.
    """

    forecast: Forecast | None
    next_search: Suggestion | None


def look_out(
    solver: Solver,
    problem: Problem,
    history: Sequence[Observation],
    pending: Sequence[Pending],
    remaining_epochs: int,
) -> Outlook:
    """What a solver expects after the trials that have ended, with those in ``pending`` under way."""
    next_search = None
    if len(history) + len(pending) <= _MOST_TRIALS:
        next_search = solver.suggest(problem, history, pending, max(remaining_epochs, problem.epochs_max))
    return Outlook(solver.forecast(problem, history), next_search)


def advise(
    solver: Solver, problem: Problem, history: Sequence[Observation], target_ms: float
) -> Advice | None:
    """What a solver recommends after the trials that have ended; None before it can go by one of them."""
    found = solver.recommend(problem, history, target_ms)
    return None if found is None else Advice(found, _nearest_number(found, history, problem.epochs_max))


def _nearest_number(found: Recommendation, history: Sequence[Observation], full_epochs: int) -> int | None:
    # Of trials with the same lambda the best one counts as the nearest, then the first.
    distances = [
        (abs(math.log(trial.lambda_ / found.lambda_)), trial.number != found.number, trial.number)
        for trial in history
        if trial.accuracy is not None
        and trial.epochs == full_epochs
        and trial.hinge_target_ms == found.hinge_target_ms
    ]
    return min(distances)[2] if distances else None
