"""Best reward against epochs spent, of studies and of groups of repeated ones (Fig. 9, left)."""

import bisect
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from service.api.schemas import Study, Trial
from service.domain.targets import TargetRuntime, in_short


@dataclass(frozen=True, slots=True)
class Curve:
    """How the best reward of a study rose.

    Attributes:
        study: The study.
        spent_epochs: Epochs of all trials that had ended when the best reward rose; rising.
        rewards: Best reward at full fidelity from each of them on; rising.
        end_epochs: Epochs of all trials that have ended; beyond, nothing is known.
    """

    study: Study
    spent_epochs: tuple[int, ...]
    rewards: tuple[float, ...]
    end_epochs: int

    @classmethod
    def of(cls, study: Study, trials: Iterable[Trial]) -> Self:
        """From the trials of a study, in the order in which they ended."""
        ended = sorted(
            ((trial.finished_at, trial) for trial in trials if trial.finished_at is not None),
            key=lambda item: (item[0], item[1].number),
        )
        spent = 0
        positions: list[int] = []
        rewards: list[float] = []
        for _, trial in ended:
            spent += trial.epochs_done
            at_full = trial.epochs == study.spec.epochs.max
            if trial.reward is not None and at_full and (not rewards or trial.reward > rewards[-1]):
                positions.append(spent)
                rewards.append(trial.reward)
        return cls(study, tuple(positions), tuple(rewards), spent)

    def at(self, spent_epochs: int) -> float | None:
        """The best reward after so many epochs; None before the first and beyond the end."""
        if spent_epochs > self.end_epochs:
            return None
        index = bisect.bisect_right(self.spent_epochs, spent_epochs) - 1
        return None if index < 0 else self.rewards[index]


class Point(BaseModel):
    """The best reward of a group after so many epochs, where every study of it has one."""

    model_config = ConfigDict(frozen=True)

    spent_epochs: int
    mean: float
    spread: float | None = Field(description="Standard deviation over the studies; null: there is one.")


_Key = tuple[str, tuple[float, ...], str, str]


class Group(BaseModel):
    """Studies with the same solver and targets, told apart by their seeds."""

    model_config = ConfigDict(frozen=True)

    solver: str
    target_runtime_ms: TargetRuntime = Field(description="Rewards are for the first of several.")
    platform: str
    dataset: str
    study_ids: tuple[str, ...]
    points: tuple[Point, ...]


class Comparison(BaseModel):
    """Groups of studies, beside each other."""

    model_config = ConfigDict(frozen=True)

    groups: tuple[Group, ...]


def compare(curves: Sequence[Curve], points: int) -> Comparison:
    """Groups curves, and reads each group off at the same numbers of epochs.

    Args:
        curves: One per study.
        points: Numbers of epochs, evenly spaced up to the longest study.
    """
    members: dict[_Key, list[Curve]] = defaultdict(list)
    for curve in curves:
        spec = curve.study.spec
        key = (spec.solver.kind, spec.targets_ms, spec.platform, spec.search.dataset)
        members[key].append(curve)
    end = max(curve.end_epochs for curve in curves)
    marks = sorted({math.ceil(end * step / points) for step in range(1, points + 1)} - {0})
    return Comparison(groups=tuple(_group(key, group, marks) for key, group in sorted(members.items())))


def _group(key: _Key, curves: Sequence[Curve], marks: Sequence[int]) -> Group:
    solver, targets_ms, platform, dataset = key
    return Group(
        solver=solver,
        target_runtime_ms=in_short(targets_ms),
        platform=platform,
        dataset=dataset,
        study_ids=tuple(curve.study.id for curve in curves),
        points=tuple(point for mark in marks if (point := _point(curves, mark)) is not None),
    )


def _point(curves: Sequence[Curve], mark: int) -> Point | None:
    rewards = [reward for curve in curves if (reward := curve.at(mark)) is not None]
    if len(rewards) < len(curves):
        return None  # a mean over some of the studies would jump where one joins or leaves
    spread = statistics.stdev(rewards) if len(rewards) > 1 else None
    return Point(spent_epochs=mark, mean=statistics.fmean(rewards), spread=spread)
