"""Trials as points of a figure: which kinds there are, and when each ended on the scale of spent epochs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.domain.records import StudyRecord, TrialSummary
from service.domain.states import TrialState
from service.figures.style import BLUE, GREY, PURPLE


@dataclass(frozen=True, slots=True)
class Outcome:
    """A completed trial with what it yielded.

    Attributes:
        trial: The trial.
        accuracy: In [0, 1].
        runtime_ms: In ms.
        reward: Eq. 19 for the study's first target.
    """

    trial: TrialSummary
    accuracy: float
    runtime_ms: float
    reward: float


def outcomes(trials: Iterable[TrialSummary]) -> list[Outcome]:
    """The completed ones among the trials."""
    return [
        Outcome(trial, trial.accuracy, trial.runtime_ms, trial.reward)
        for trial in trials
        if trial.accuracy is not None and trial.runtime_ms is not None and trial.reward is not None
    ]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of completed trials that figures tell apart.

    Attributes:
        label: Name in the legend.
        color: Of its dots.
        symbol: Plotly's marker symbol.
        outcomes: The trials.
    """

    label: str
    color: str
    symbol: str
    outcomes: list[Outcome]


def kinds(study: StudyRecord, found: Sequence[Outcome]) -> list[Kind]:
    """Parts completed trials into full fidelity, lower fidelity and targeted searches; without empty kinds.

    A targeted search minimises the hinged loss, so its lambda says nothing about plain ones.
    """
    full = study.spec.epochs.max
    targeted = [outcome for outcome in found if outcome.trial.hinge_target_ms is not None]
    plain = [outcome for outcome in found if outcome.trial.hinge_target_ms is None]
    parts = (
        Kind("fewer epochs", GREY, "circle-open", [each for each in plain if each.trial.epochs < full]),
        Kind(f"{full} epochs", BLUE, "circle", [each for each in plain if each.trial.epochs == full]),
        Kind("targeted search", PURPLE, "diamond", targeted),
    )
    return [part for part in parts if part.outcomes]


def recommended(study: StudyRecord) -> list[Outcome]:
    """The best trial for each target; one that serves several targets is there once."""
    return outcomes({best.number: best for _, best in study.bests}.values())


def unfinished(trials: Iterable[TrialSummary]) -> list[TrialSummary]:
    """The queued and running ones."""
    return [trial for trial in trials if trial.state in (TrialState.QUEUED, TrialState.RUNNING)]


def by_spent(found: Sequence[Outcome], spent_when_done: Mapping[int, int]) -> list[tuple[int, Outcome]]:
    """Completed trials in the order of completion.

    Args:
        found: The completed trials.
        spent_when_done: Epochs that the study had spent when each recorded its last one, by number.

    Returns:
        Pairs (spent epochs, outcome).
    """
    pairs = [(spent_when_done[outcome.trial.number], outcome) for outcome in found]
    return sorted(pairs, key=lambda pair: pair[0])


def pareto(found: Sequence[Outcome]) -> list[Outcome]:
    """Those that no other one beats in accuracy without being slower; by rising runtime.

    For any target the trial of highest reward (Eq. 19) is among them.
    """
    front: list[Outcome] = []
    for outcome in sorted(found, key=lambda each: (each.runtime_ms, -each.accuracy, each.trial.number)):
        if not front or outcome.accuracy > front[-1].accuracy:
            front.append(outcome)
    return front


MOST_ON_FRONTIER = 60


def frontier_of(study: StudyRecord, found: Sequence[Outcome]) -> list[Outcome]:
    """The frontier of the completed trials at full fidelity, by rising runtime.

    One of more than 60 trials is thinned evenly over runtime: of those that lie together the most accurate
    stays, and so do both ends.
    """
    front = pareto([outcome for outcome in found if outcome.trial.epochs == study.spec.epochs.max])
    if len(front) <= MOST_ON_FRONTIER:
        return front
    low, high = front[0].runtime_ms, front[-1].runtime_ms
    cells = MOST_ON_FRONTIER - 1
    kept = {int((each.runtime_ms - low) / (high - low) * (cells - 1)): each for each in front}
    return [front[0], *(each for each in kept.values() if each is not front[0])]


def improvements(ended: Sequence[tuple[int, Outcome]], full_epochs: int) -> list[tuple[int, Outcome]]:
    """Of pairs as :func:`by_spent` gives them, those at full fidelity that beat all earlier ones."""
    found: list[tuple[int, Outcome]] = []
    for position, outcome in ended:
        if outcome.trial.epochs == full_epochs and (not found or outcome.reward > found[-1][1].reward):
            found.append((position, outcome))
    return found


def best_steps(
    ended: Sequence[tuple[int, Outcome]], full_epochs: int, spent_epochs: int
) -> tuple[list[int], list[float]]:
    """The best reward at full fidelity against the epochs spent (Fig. 9 left), as steps.

    Args:
        ended: Pairs (spent epochs, outcome) in the order of completion.
        full_epochs: Fidelity that counts.
        spent_epochs: Where the curve ends.

    Returns:
        Positions in epochs and the reward that holds from each on: a point per improvement, one at the end.
    """
    better = improvements(ended, full_epochs)
    positions, rewards = [position for position, _ in better], [outcome.reward for _, outcome in better]
    if positions and positions[-1] < spent_epochs:
        positions.append(spent_epochs)
        rewards.append(rewards[-1])
    return positions, rewards
