"""Grid search: every lambda at every number of epochs, repeated (Fig. 9, right)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from solver.base import Observation, Pending, Problem, Solver, Suggestion
from solver.history import plain

Lambda = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Epochs = Annotated[int, Field(ge=1, le=10_000)]


class Grid(Solver):
    """Walks the grid in a fixed order: all of it once, then again for each repeat, with other seeds.

    Cells that the history or a pending trial covers are not searched again, also when they failed. Where the
    rest of the budget is too small for the next cell, a later one that fits is taken. The study is complete
    when the grid is.
    """

    description: ClassVar[str] = "Grid search: every lambda at every number of epochs, repeated."

    kind: Literal["grid"] = "grid"
    lambdas: (
        Annotated[int, Field(ge=1, le=10_000)]
        | Annotated[tuple[Lambda, ...], Field(strict=False, min_length=1, max_length=10_000)]
    ) = Field(9, description="The lambdas, or how many to space evenly on a log scale over the lambda range.")
    epochs: Annotated[tuple[Epochs, ...], Field(strict=False, min_length=1, max_length=10_000)] | None = (
        Field(None, description="Epochs of the searches; none: full fidelity.")
    )
    repeats: int = Field(1, ge=1, le=1000, description="Searches per cell, each with a seed of its own.")

    def check(self, problem: Problem) -> None:
        """See :meth:`solver.base.Solver.check`."""
        for lambda_ in self._lambdas(problem):
            if not problem.lambda_low <= lambda_ <= problem.lambda_high:
                raise ValueError(
                    f"lambdas must lie in the lambda range, {problem.lambda_low} to {problem.lambda_high}; "
                    f"got {lambda_}"
                )
        for epochs in self._epochs(problem):
            if not problem.epochs_min <= epochs <= problem.epochs_max:
                raise ValueError(
                    f"epochs must lie in {problem.epochs_min} to {problem.epochs_max}; got {epochs}"
                )

    def suggest(
        self,
        problem: Problem,
        history: Sequence[Observation],
        pending: Sequence[Pending],
        remaining_epochs: int,
    ) -> Suggestion | None:
        """See :meth:`solver.base.Solver.suggest`."""
        covered = Counter((trial.lambda_, trial.epochs) for trial in plain(history, pending))
        for cell in self.cells(problem):
            if covered[cell] > 0:
                covered[cell] -= 1
            elif cell[1] <= remaining_epochs:
                return Suggestion(*cell)
        return None

    def cells(self, problem: Problem) -> Iterator[tuple[float, int]]:
        """Every (lambda, epochs) of the grid in the order of search, repeats included."""
        lambdas, epochs = self._lambdas(problem), self._epochs(problem)
        for _ in range(self.repeats):
            for fidelity in epochs:
                for lambda_ in lambdas:
                    yield lambda_, fidelity

    def _lambdas(self, problem: Problem) -> Sequence[float]:
        if not isinstance(self.lambdas, int):
            return self.lambdas
        if self.lambdas == 1:
            return [float(np.sqrt(problem.lambda_low * problem.lambda_high))]
        spaced: list[float] = np.geomspace(problem.lambda_low, problem.lambda_high, self.lambdas).tolist()
        return spaced

    def _epochs(self, problem: Problem) -> Sequence[int]:
        return (problem.epochs_max,) if self.epochs is None else self.epochs
