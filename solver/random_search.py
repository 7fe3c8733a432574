"""Random search over lambda, the paper's simplest baseline (Sec. VII-B)."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from solver.base import Observation, Pending, Problem, Solver, Suggestion
from solver.space import from_unit, generator


class Random(Solver):
    """Draws lambda log-uniformly, each trial at full fidelity.

    A trial's lambda depends on the study's seed and the trial's number only. A remainder of the budget that
    is smaller than full fidelity is left.
    """

    description: ClassVar[str] = "Random search: lambda drawn log-uniformly, always at full fidelity."

    kind: Literal["random"] = "random"

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
        unit = generator(problem, len(history) + len(pending)).random()
        return Suggestion(from_unit(problem, unit), problem.epochs_max)
