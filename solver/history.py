"""Views of a study's trials that several solvers share."""

from collections.abc import Sequence

from solver.base import Observation, Pending, Problem


def next_number(history: Sequence[Observation], pending: Sequence[Pending]) -> int:
    """Number of the trial that is asked for."""
    return len(history) + len(pending)


def plain(history: Sequence[Observation], pending: Sequence[Pending]) -> list[Observation | Pending]:
    """Every trial of Eq. 10 by number; hinged ones end at their aim whatever lambda and are left out."""
    trials: list[Observation | Pending] = [*history, *pending]
    return sorted(
        (trial for trial in trials if trial.hinge_target_ms is None), key=lambda trial: trial.number
    )


def with_outcome(history: Sequence[Observation]) -> list[Observation]:
    """Trials of Eq. 10 that have an outcome, by number."""
    return [trial for trial in plain(history, ()) if isinstance(trial, Observation) and _has_outcome(trial)]


def without_outcome(
    history: Sequence[Observation], pending: Sequence[Pending]
) -> list[Observation | Pending]:
    """Trials of Eq. 10 that are pending, failed or cancelled, by number: tried, but not known."""
    return [
        trial
        for trial in plain(history, pending)
        if not (isinstance(trial, Observation) and _has_outcome(trial))
    ]


def _has_outcome(trial: Observation) -> bool:
    return trial.accuracy is not None and trial.runtime_ms is not None


def mean_reward(problem: Problem, trial: Observation) -> float:
    """Eq. 19 of a trial with an outcome, averaged over the problem's targets.

    Raises:
        ValueError: The trial has no outcome.
    """
    rewards = [trial.reward(target_ms) for target_ms in problem.targets_ms]
    known = [reward for reward in rewards if reward is not None]
    if len(known) < len(rewards):
        raise ValueError(f"trial {trial.number} has no outcome, so no reward")
    return sum(known) / len(known)
