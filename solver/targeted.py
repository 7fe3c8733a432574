"""Searches that come to the target by themselves, by a runtime term that vanishes once it is met."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from solver.base import Observation, Pending, Problem, Solver, Suggestion, best_trial
from solver.history import next_number
from solver.space import apart, from_unit, space_filling, to_unit

_LAMBDA_SPREAD = 2.0


class Targeted(Solver):
    """Each trial minimises CE + lambda * max(0, log(R / R_T)), always at full fidelity.

    Such a search lands just within the target, whatever lambda; its trials differ in accuracy alone. Lambda
    varies by a factor of two around that of the best trial, at first around ``start_lambda``. Several targets
    take turns. A remainder of the budget that is smaller than full fidelity is left.
    """

    description: ClassVar[str] = "Every search lands at the target by itself; repeats, keeps the best."

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
        aimed = [trial for trial in history if trial.hinge_target_ms == target_ms]
        best = best_trial(problem, aimed, target_ms)
        centre = self.start_lambda if best is None else best[0].lambda_
        varied = centre * _LAMBDA_SPREAD ** (
            2 * space_filling(problem, number // len(problem.targets_ms)) - 1
        )
        unit = to_unit(problem, min(max(varied, problem.lambda_low), problem.lambda_high))
        trials: list[Observation | Pending] = [*history, *pending]
        tried = (to_unit(problem, trial.lambda_) for trial in trials)
        return Suggestion(from_unit(problem, apart(unit, tried)), problem.epochs_max, target_ms)
