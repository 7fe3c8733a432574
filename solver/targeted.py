"""Searches that aim at the target themselves, by a runtime term that vanishes once it is met."""

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from solver.base import Observation, Pending, Problem, Solver, Suggestion, best_trial
from solver.history import next_number
from solver.space import apart, from_unit, space_filling, to_unit

_LOWEST_AIM = 0.85
_LAMBDA_SPREAD = 2.0
_BELIEF = (1.0, 1.0)
_CAUTIOUS_QUANTILE = 0.7


class Targeted(Solver):
    """Each trial minimises CE + lambda * max(0, log(R / aim)), always at full fidelity.

    Such a search stops closing gates when its aim is met, so one alone comes close to the target, whatever
    lambda. It ends a little above or below its aim, by a layer that flips late, and Eq. 19 punishes any
    excess; so the aim is lowered as far as the trials so far overshot theirs. Lambda varies by a factor of
    two around that of the best trial, at first around ``start_lambda``. Several targets take turns. A
    remainder of the budget that is smaller than full fidelity is left.
    """

    description: ClassVar[str] = (
        "Every search stops shrinking at the target by itself; repeats, keeps the best."
    )

    kind: Literal["targeted"] = "targeted"
    start_lambda: float = Field(
        1.0, gt=0, le=1e6, allow_inf_nan=False, description="Lambda to begin at, clipped to the lambda range."
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
        target_ms = problem.targets_ms[number % len(problem.targets_ms)]
        ended = _aimed_at(problem, target_ms, history)
        best = best_trial(problem, ended, target_ms)
        centre = self.start_lambda if best is None else best[0].lambda_
        varied = centre * _LAMBDA_SPREAD ** (2 * space_filling(problem, number) - 1)
        unit = to_unit(problem, min(max(varied, problem.lambda_low), problem.lambda_high))
        trials: list[Observation | Pending] = [*history, *pending]
        tried = (to_unit(problem, trial.lambda_) for trial in trials)
        return Suggestion(
            from_unit(problem, apart(unit, tried)), problem.epochs_max, _aim_ms(target_ms, ended)
        )


def _aim_ms(target_ms: float, ended: Sequence[Observation]) -> float:
    """The aim from which most searches would end within the target, judging by those that ended."""
    overshoots = [
        trial.runtime_ms / trial.hinge_target_ms
        for trial in ended
        if trial.runtime_ms is not None and trial.hinge_target_ms is not None
    ]
    # A few imagined trials that hit their aim keep the first real one from deciding alone.
    overshoot = float(np.quantile([*_BELIEF, *overshoots], _CAUTIOUS_QUANTILE))
    return target_ms * min(1.0, max(_LOWEST_AIM, 1 / overshoot))


def _aimed_at(problem: Problem, target_ms: float, history: Sequence[Observation]) -> list[Observation]:
    """Hinged trials whose aim is closest to this target."""

    def closest(aim_ms: float) -> float:
        return min(problem.targets_ms, key=lambda target: abs(math.log(aim_ms / target)))

    return [
        trial
        for trial in history
        if trial.hinge_target_ms is not None and closest(trial.hinge_target_ms) == target_ms
    ]
