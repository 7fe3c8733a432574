"""Vanilla Bayesian optimisation over lambda with Dragonfly (Sec. VII-B, solver 1)."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from solver.base import Observation, Pending, Problem, Solver, Suggestion
from solver.space import from_unit, space_filling


class Bayesian(Solver):
    """Dragonfly's Gaussian-process optimiser of Eq. 19 over log lambda, each trial at full fidelity."""

    description: ClassVar[str] = "Bayesian optimisation over lambda (Dragonfly), always at full fidelity."

    kind: Literal["bayesian"] = "bayesian"

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
        return Suggestion(
            from_unit(problem, space_filling(problem, len(history) + len(pending))), problem.epochs_max
        )
