"""The axis that solvers search, log lambda scaled to [0, 1], and the random numbers that they draw."""

import math
from collections.abc import Iterable

import numpy as np

from solver.base import Problem

_GOLDEN_STEP = (math.sqrt(5) - 1) / 2


def to_unit(problem: Problem, lambda_: float) -> float:
    """Place of lambda on the log scale of the problem's range, 0 at its low and 1 at its high end."""
    return math.log(lambda_ / problem.lambda_low) / math.log(problem.lambda_high / problem.lambda_low)


def from_unit(problem: Problem, unit: float) -> float:
    """The lambda at a place in [0, 1] on the log scale; rounding never leaves the range."""
    lambda_ = problem.lambda_low * math.pow(problem.lambda_high / problem.lambda_low, unit)
    return min(max(lambda_, problem.lambda_low), problem.lambda_high)


def generator(problem: Problem, number: int) -> np.random.Generator:
    """Random numbers of one suggestion, from the study's seed and the trial's number alone."""
    return np.random.default_rng((problem.seed, number))


def space_filling(problem: Problem, number: int) -> float:
    """The ``number``-th point of a golden-ratio sequence on [0, 1], shifted by the study's seed.

    Every prefix of the sequence covers the range evenly, so it serves as an initial design of any length.
    """
    shift = float(np.random.default_rng(problem.seed).random())
    return (shift + number * _GOLDEN_STEP) % 1.0


def apart(unit: float, taken: Iterable[float], gap: float = 1e-3) -> float:
    """The place in [0, 1] closest to ``unit`` that is at least about ``gap`` away from all that are taken.

    Where the axis is too crowded for the gap, it is halved until there is room.
    """
    occupied = np.array([-np.inf, *sorted(taken), np.inf])
    while True:
        steps = np.arange(1, math.ceil(1 / gap) + 1) * gap
        places = np.concatenate(([unit], np.column_stack((unit + steps, unit - steps)).ravel()))
        places = places[(places >= 0) & (places <= 1)]
        above = np.searchsorted(occupied, places)
        distances = np.minimum(occupied[above] - places, places - occupied[above - 1])
        free = places[distances > 0.999 * gap]  # a neighbour exactly one gap away, give or take rounding
        if free.size:
            return float(free[0])
        gap /= 2
