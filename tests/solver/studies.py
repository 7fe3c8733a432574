"""Made-up studies for the tests: problems, outcomes of searches and a loop that runs a solver to its end."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from solver.base import Observation, Pending, Problem, Solver, Suggestion

PROBLEM = Problem(targets_ms=(80.0,), lambda_low=0.1, lambda_high=10.0, epochs_min=2, epochs_max=8, seed=7)

Outcome = Callable[[Pending], tuple[float, float] | None]


def searched(trial: Pending) -> tuple[float, float]:
    """(accuracy, runtime_ms) of a noisy search: R falls with lambda, and later at few epochs."""
    noise = np.random.default_rng((1, trial.number)).normal(size=2)
    log_lambda = math.log10(trial.lambda_)
    fall = 1 / (1 + math.exp(-5 * (log_lambda - 0.05 * (8 - trial.epochs))))
    accuracy = 0.9 - 0.1 * fall - 0.2 * math.exp(-trial.epochs / 2) + 0.003 * noise[0]
    return accuracy, (130 - 95 * fall) * math.exp(0.02 * noise[1])


def ended(trial: Pending, outcome: Outcome = searched) -> Observation:
    """The trial with its outcome, or without one where there is none."""
    accuracy, runtime_ms = outcome(trial) or (None, None)
    return Observation(trial.number, trial.lambda_, trial.epochs, accuracy, runtime_ms, trial.hinge_target_ms)


def queued(number: int, suggestion: Suggestion) -> Pending:
    """The suggestion as a trial."""
    return Pending(number, suggestion.lambda_, suggestion.epochs, suggestion.hinge_target_ms)


def spread(count: int, problem: Problem = PROBLEM, outcome: Outcome = searched) -> list[Observation]:
    """A history of trials at random lambdas and epochs, every third at full fidelity."""
    rng = np.random.default_rng(count)
    history = []
    for number in range(count):
        lambda_ = math.exp(rng.uniform(math.log(problem.lambda_low), math.log(problem.lambda_high)))
        epochs = int(rng.integers(problem.epochs_min, problem.epochs_max + 1))
        if number % 3 == 0:
            epochs = problem.epochs_max
        history.append(ended(Pending(number, lambda_, epochs), outcome))
    return history


def parallel_asks(
    solver: Solver, problem: Problem, history: Sequence[Observation], count: int, remaining_epochs: int
) -> list[Pending]:
    """Trials from asking ``count`` times without waiting for any to end."""
    pending: list[Pending] = []
    for _ in range(count):
        suggestion = solver.suggest(problem, history, pending, remaining_epochs)
        if suggestion is None:
            break
        remaining_epochs -= suggestion.epochs
        pending.append(queued(len(history) + len(pending), suggestion))
    return pending


def run_study(
    solver: Solver, problem: Problem, budget_epochs: int, workers: int = 1, outcome: Outcome = searched
) -> list[Observation]:
    """Runs a study until the solver has nothing more to propose; the shortest pending trial ends first."""
    history: list[Observation] = []
    pending: list[Pending] = []
    remaining = budget_epochs
    while True:
        while len(pending) < workers:
            suggestion = solver.suggest(problem, history, pending, remaining)
            if suggestion is None:
                break
            assert suggestion.epochs <= remaining
            remaining -= suggestion.epochs
            pending.append(queued(len(history) + len(pending), suggestion))
        if not pending:
            return history
        first = min(pending, key=lambda trial: (trial.epochs, trial.number))
        pending.remove(first)
        history.append(ended(first, outcome))


def reseeded(problem: Problem, seed: int) -> Problem:
    """The problem with another study seed."""
    return replace(problem, seed=seed)
