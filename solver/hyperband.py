"""Hyperband over epochs: many short searches, the best of them searched again for longer.

Li et al., "Hyperband" (2018) for the brackets; Li et al., "A System for Massively Parallel Hyperparameter
Tuning" (2020) for asynchronous promotion, which never waits for a rung to fill.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field

from solver.base import Observation, Pending, Problem, Solver, Suggestion
from solver.history import mean_reward, plain, with_outcome
from solver.space import apart, from_unit, space_filling, to_unit


class Hyperband(Solver):
    """Asynchronous Hyperband, derived anew from the trials for each suggestion.

    A bracket is the rung at which a lambda is searched first; lambdas are spread over the brackets as
    Hyperband does. Of the lambdas that have an outcome on a rung, the best share of 1/eta by Eq. 19 is
    searched again on the next one. That search starts afresh, as the schedules of a search stretch with its
    epochs. While the budget allows just one more trial at full fidelity, it goes to the best lambda that has
    had none; a remainder smaller than full fidelity is left.
    """

    description: ClassVar[str] = "Asynchronous Hyperband: short searches, the best searched again for longer."

    kind: Literal["hyperband"] = "hyperband"
    eta: int = Field(2, ge=2, le=16, description="One in this many lambdas goes on to the next rung.")

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
        ladder = _Ladder.of(problem, self.eta, history, pending)
        suggestion = ladder.promotion() or ladder.newcomer()
        if suggestion.epochs < problem.epochs_max > remaining_epochs - suggestion.epochs:
            return ladder.final()
        return suggestion


@dataclass(frozen=True)
class _Ladder:
    """Where the lambdas of a study stand.

    Attributes:
        problem: What the study asks.
        eta: See :class:`Hyperband`.
        rungs: Epochs of the rungs, ascending, the last one full fidelity.
        bracket: For each lambda the epochs at which it was searched first.
        tried: Every (lambda, epochs) that was searched or is pending.
        rewards: Mean reward of each (lambda, epochs) that has an outcome.
    """

    problem: Problem
    eta: int
    rungs: tuple[int, ...]
    bracket: dict[float, int]
    tried: frozenset[tuple[float, int]]
    rewards: dict[tuple[float, int], float]

    @classmethod
    def of(
        cls, problem: Problem, eta: int, history: Sequence[Observation], pending: Sequence[Pending]
    ) -> "_Ladder":
        trials = plain(history, pending)
        bracket: dict[float, int] = {}
        for trial in trials:
            bracket.setdefault(trial.lambda_, trial.epochs)
        return cls(
            problem,
            eta,
            _rungs(problem, eta),
            bracket,
            frozenset((trial.lambda_, trial.epochs) for trial in trials),
            {(trial.lambda_, trial.epochs): mean_reward(problem, trial) for trial in with_outcome(history)},
        )

    def promotion(self) -> Suggestion | None:
        """The best lambda that has earned the next rung, the highest rung first."""
        for level in reversed(range(len(self.rungs) - 1)):
            for base in self.rungs[: level + 1]:
                ranked = self._ranked(self.rungs[level], base)
                for lambda_ in ranked[: len(ranked) // self.eta]:
                    if (lambda_, self.rungs[level + 1]) not in self.tried:
                        return Suggestion(lambda_, self.rungs[level + 1])
        return None

    def newcomer(self) -> Suggestion:
        """A new lambda for the bracket that lags most behind its share, the longest one first."""
        brackets = len(self.rungs)

        def filled(level: int) -> float:
            promotions = brackets - 1 - level
            share = math.ceil(brackets / (promotions + 1) * float(self.eta) ** promotions)
            return sum(base == self.rungs[level] for base in self.bracket.values()) / share

        return self._new(self.rungs[min(range(brackets), key=filled)])

    def final(self) -> Suggestion:
        """A trial at full fidelity for the best lambda that has had none, on the highest rung there is."""
        full = self.problem.epochs_max
        for epochs in reversed(self.rungs[:-1]):
            for lambda_ in self._ranked(epochs):
                if (lambda_, full) not in self.tried:
                    return Suggestion(lambda_, full)
        return self._new(full)

    def _ranked(self, epochs: int, base: int | None = None) -> list[float]:
        """Lambdas with an outcome at so many epochs, of one bracket or of all, best first."""
        found = [
            (-reward, lambda_)
            for (lambda_, at), reward in self.rewards.items()
            if at == epochs and base in (None, self.bracket[lambda_])
        ]
        return [lambda_ for _, lambda_ in sorted(found)]

    def _new(self, epochs: int) -> Suggestion:
        unit = space_filling(self.problem, len(self.bracket))
        taken = (to_unit(self.problem, lambda_) for lambda_ in self.bracket)
        return Suggestion(from_unit(self.problem, apart(unit, taken)), epochs)


def _rungs(problem: Problem, eta: int) -> tuple[int, ...]:
    """Full fidelity divided by eta again and again, down to the lowest fidelity."""
    rungs = [problem.epochs_max]
    while math.ceil(rungs[0] / eta) >= problem.epochs_min and rungs[0] > 1:
        rungs.insert(0, math.ceil(rungs[0] / eta))
    return tuple(rungs)
