"""What a sweep shows: pure functions from its trials."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, Field
from scipy.stats import spearmanr

from service.api.schemas import Trial
from service.cli.sweep.grid import SweepGrid
from service.domain.states import TrialState
from solver.reward import reward


class Cell(BaseModel):
    """The searches at one (lambda, epochs). Means are over those that completed; None: none has."""

    model_config = ConfigDict(
        frozen=True, serialize_by_alias=True, validate_by_name=True, validate_by_alias=True
    )

    lambda_: float = Field(alias="lambda")
    epochs: int
    completed: int
    failed: int
    accuracy: float | None
    runtime_ms: float | None
    reward: float | None
    reward_spread: float | None = Field(
        description="Standard deviation of the reward; null below two searches."
    )


class FidelityFinding(BaseModel):
    """What searches of one length say about searches of full length."""

    model_config = ConfigDict(frozen=True)

    epochs: int
    best_lambda: float = Field(description="Lambda with the highest mean reward at this fidelity.")
    best_reward: float
    runtime_ms: float = Field(description="Mean runtime at this fidelity, with that lambda.")
    reward_at_full: float | None = Field(description="Mean reward at full fidelity, with that lambda.")
    runtime_ms_at_full: float | None = Field(
        description="Mean runtime at full fidelity, with that lambda. Where it is far below the one here, "
        "longer searches overshoot the target that shorter ones just meet."
    )
    regret: float | None = Field(
        description="Reward at full fidelity that is lost by trusting the best lambda of this one."
    )
    rank_correlation: float | None = Field(
        description="Spearman's, between the rewards here and at full fidelity over the lambdas; null where "
        "they are fewer than three or all alike."
    )


class TargetReport(BaseModel):
    """A sweep scored for one target."""

    model_config = ConfigDict(frozen=True)

    target_runtime_ms: float
    cells: tuple[Cell, ...]
    findings: tuple[FidelityFinding, ...] = Field(description="One per fidelity with a completed search.")


class Cost(BaseModel):
    """What a sweep has cost so far: searches and epochs that were run, and the time that they took.

    Breaks between the attempts of a search are not counted.
    """

    model_config = ConfigDict(frozen=True)

    searches: int
    epochs: int
    search_seconds: float


class SweepReport(BaseModel):
    """A sweep: what it cost, and what it shows for each target."""

    model_config = ConfigDict(frozen=True)

    study_id: str
    cost: Cost
    targets: tuple[TargetReport, ...]

    @classmethod
    def of(cls, study_id: str, cost: Cost, reports: Sequence[TargetReport]) -> Self:
        """Of a study."""
        return cls(study_id=study_id, cost=cost, targets=tuple(reports))


def cost_of(trials: Iterable[Trial], interrupted_seconds: Mapping[int, float]) -> Cost:
    """The cost of trials, those that failed included.

    Args:
        trials: Of the sweep.
        interrupted_seconds: What the epochs of those with more than one attempt took, by the trial's number.
    """
    started = [trial for trial in trials if trial.epochs_done]
    seconds = [
        interrupted_seconds.get(trial.number, (trial.finished_at - trial.started_at).total_seconds())
        for trial in started
        if trial.finished_at is not None and trial.started_at is not None
    ]
    epochs = sum(trial.epochs_done for trial in started)
    return Cost(searches=len(started), epochs=epochs, search_seconds=sum(seconds))


def report(grid: SweepGrid, trials: Iterable[Trial], target_runtime_ms: float) -> TargetReport:
    """Scores the trials of a sweep for a target, by Eq. 19."""
    found: dict[tuple[float, int], list[Trial]] = defaultdict(list)
    for trial in trials:
        found[trial.lambda_, trial.epochs].append(trial)
    cells = [
        _cell(lambda_, epochs, found[lambda_, epochs], target_runtime_ms)
        for epochs in grid.epochs
        for lambda_ in grid.lambdas
    ]
    rows = {epochs: [cell for cell in cells if cell.epochs == epochs] for epochs in grid.epochs}
    full = rows[grid.epochs[-1]]
    findings = [finding for row in rows.values() if (finding := _finding(row, full)) is not None]
    return TargetReport(target_runtime_ms=target_runtime_ms, cells=tuple(cells), findings=tuple(findings))


def _cell(lambda_: float, epochs: int, trials: Sequence[Trial], target_ms: float) -> Cell:
    outcomes = [
        (trial.accuracy, trial.runtime_ms)
        for trial in trials
        if trial.accuracy is not None and trial.runtime_ms is not None
    ]
    rewards = [reward(accuracy, runtime_ms, target_ms) for accuracy, runtime_ms in outcomes]
    return Cell(
        lambda_=lambda_,
        epochs=epochs,
        completed=len(outcomes),
        failed=sum(trial.state is TrialState.FAILED for trial in trials),
        accuracy=_mean([accuracy for accuracy, _ in outcomes]),
        runtime_ms=_mean([runtime_ms for _, runtime_ms in outcomes]),
        reward=_mean(rewards),
        reward_spread=statistics.stdev(rewards) if len(rewards) > 1 else None,
    )


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def best_cell(cells: Iterable[Cell]) -> Cell | None:
    """The cell with the highest mean reward; of equals the smallest lambda."""
    scored = [(cell.reward, -cell.lambda_, cell) for cell in cells if cell.reward is not None]
    return max(scored, key=lambda item: item[:2])[2] if scored else None


def _finding(row: Sequence[Cell], full: Sequence[Cell]) -> FidelityFinding | None:
    best, best_of_full = best_cell(row), best_cell(full)
    if best is None:
        return None
    assert best.reward is not None
    assert best.runtime_ms is not None
    there = next(cell for cell in full if cell.lambda_ == best.lambda_)
    regret = None
    if best_of_full is not None and best_of_full.reward is not None and there.reward is not None:
        regret = best_of_full.reward - there.reward
    return FidelityFinding(
        epochs=best.epochs,
        best_lambda=best.lambda_,
        best_reward=best.reward,
        runtime_ms=best.runtime_ms,
        reward_at_full=there.reward,
        runtime_ms_at_full=there.runtime_ms,
        regret=regret,
        rank_correlation=_rank_correlation(row, full),
    )


def _rank_correlation(row: Sequence[Cell], full: Sequence[Cell]) -> float | None:
    pairs = [
        (here.reward, there.reward)
        for here, there in zip(row, full, strict=True)
        if here.reward is not None and there.reward is not None
    ]
    if len(pairs) < 3 or any(len(set(side)) == 1 for side in zip(*pairs, strict=True)):
        return None
    return float(spearmanr(*zip(*pairs, strict=True)).statistic)
