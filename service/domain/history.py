"""Trials as solvers see them."""

from collections.abc import Iterable

from service.domain.records import TrialSummary
from solver.base import Observation, Pending


def observations(trials: Iterable[TrialSummary]) -> list[Observation]:
    """Those that have ended."""
    return [
        Observation(t.number, t.lambda_, t.epochs, t.accuracy, t.runtime_ms, t.hinge_target_ms)
        for t in trials
        if t.state.is_final
    ]


def pending(trials: Iterable[TrialSummary]) -> list[Pending]:
    """Those that are queued or running."""
    return [Pending(t.number, t.lambda_, t.epochs, t.hinge_target_ms) for t in trials if not t.state.is_final]
