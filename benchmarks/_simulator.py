"""Replays a study against a landscape with a virtual clock: hours of searches in seconds."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from solver.base import Observation, Pending, Problem, Recommendation, Suggestion


class Tuner(Protocol):
    """What can be benchmarked: every :class:`solver.base.Solver`, and wrapped tuners of others."""

    def suggest(
        self,
        problem: Problem,
        history: Sequence[Observation],
        pending: Sequence[Pending],
        remaining_epochs: int,
    ) -> Suggestion | None:
        """See :meth:`solver.base.Solver.suggest`."""

    def recommend(self, problem: Problem, history: Sequence[Observation]) -> Recommendation | None:
        """See :meth:`solver.base.Solver.recommend`."""


class Searchable(Protocol):
    """What a study is replayed on."""

    @property
    def problem(self) -> Problem:
        """What the study asks."""

    def search(
        self, lambda_: float, epochs: int, seed: int, hinge_target_ms: float | None = None
    ) -> tuple[float, float]:
        """(accuracy, runtime_ms) of one search."""

    def regret(self, lambda_: float) -> float:
        """Share of the best expected reward that this lambda misses; NaN where it is not known."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The study after a trial ended.

    Attributes:
        clock: Virtual time in epochs of one worker.
        spent_epochs: Epochs of the trials that ended so far.
        regret: Of the lambda that the tuner recommends now; 1 while it recommends none.
    """

    clock: float
    spent_epochs: int
    regret: float


@dataclass(frozen=True, slots=True)
class Replay:
    """A replayed study.

    Attributes:
        moments: The study after each trial, in order of their ends.
        suggestion_seconds: What each suggestion took.
        history: The trials in order of their ends.
    """

    moments: tuple[Moment, ...]
    suggestion_seconds: tuple[float, ...]
    history: tuple[Observation, ...] = ()

    def epochs_until(self, regret: float) -> float:
        """Epochs spent when the recommendation is first within this regret; inf if it never is."""
        return min((m.spent_epochs for m in self.moments if m.regret <= regret), default=np.inf)

    def epochs_until_settled(self, regret: float) -> float:
        """Epochs spent when the recommendation is within this regret for good; inf if it never is."""
        settled = np.inf
        for moment in reversed(self.moments):
            if moment.regret > regret:
                break
            settled = moment.spent_epochs
        return settled

    def regret_at(self, epochs: int) -> float:
        """Regret of the recommendation once so many epochs were spent, 1 before the first."""
        return next((m.regret for m in reversed(self.moments) if m.spent_epochs <= epochs), 1.0)


def replay(tuner: Tuner, landscape: Searchable, budget_epochs: int, workers: int) -> Replay:
    """Runs a study to the end of its budget.

    A trial takes as long as it has epochs, give or take a tenth, so that parallel trials end out of step.
    """
    problem = landscape.problem
    pace = np.random.default_rng((problem.seed, 1))
    history: list[Observation] = []
    running: list[tuple[float, Pending]] = []
    moments: list[Moment] = []
    seconds: list[float] = []
    clock, remaining, spent = 0.0, budget_epochs, 0
    while True:
        while len(running) < workers:
            start = time.perf_counter()
            suggestion = tuner.suggest(problem, history, [trial for _, trial in running], remaining)
            seconds.append(time.perf_counter() - start)
            if suggestion is None:
                break
            remaining -= suggestion.epochs
            number = len(history) + len(running)
            trial = Pending(number, suggestion.lambda_, suggestion.epochs, suggestion.hinge_target_ms)
            running.append((clock + trial.epochs * pace.uniform(0.9, 1.1), trial))
        if not running:
            return Replay(tuple(moments), tuple(seconds), tuple(history))
        clock, trial = min(running, key=lambda item: item[0])
        running.remove((clock, trial))
        aim_ms = trial.hinge_target_ms
        outcome = landscape.search(trial.lambda_, trial.epochs, _seed(problem, trial), aim_ms)
        history.append(Observation(trial.number, trial.lambda_, trial.epochs, *outcome, aim_ms))
        spent += trial.epochs
        advice = tuner.recommend(problem, history)
        moments.append(Moment(clock, spent, 1.0 if advice is None else landscape.regret(advice.lambda_)))


def _seed(problem: Problem, trial: Pending) -> int:
    return problem.seed * 100_003 + trial.number
