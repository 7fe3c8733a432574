"""Answers pickled questions in a process of its own: ``python -m tests.solver.replay < questions``."""

import pickle
import sys
from collections.abc import Sequence

from solver.base import Observation, Pending, Problem, Solver, Suggestion

Question = tuple[Solver, Problem, Sequence[Observation], Sequence[Pending], int]


def answer(question: Question) -> Suggestion | None:
    """The solver's suggestion."""
    solver, problem, history, pending, remaining_epochs = question
    return solver.suggest(problem, history, pending, remaining_epochs)


if __name__ == "__main__":
    questions: list[Question] = pickle.load(sys.stdin.buffer)
    pickle.dump([answer(question) for question in questions], sys.stdout.buffer)
