"""Fig. 9: what solvers have found after so many epochs, and the reward over lambda and epochs."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from pydantic import TypeAdapter

from nas_worker.errors import DivergedError
from nas_worker.job import EpochReport, SearchJob
from nas_worker.search import run_search
from service.cli.reproduce.records import Records, Row
from service.cli.reproduce.scale import Scale
from service.domain.seeds import trial_seed
from service.figures import fig9
from solver.base import Observation, Problem, Solver, Suggestion
from solver.registry import SOLVERS, SolverConfig
from solver.reward import reward

SOLVER_KINDS: tuple[str, ...] = tuple(solver.model_fields["kind"].default for solver in SOLVERS)
GRID = "grid search"
_LOWEST_EPOCHS = 2
_ADAPTER = TypeAdapter[Solver](SolverConfig)


@dataclass(frozen=True)
class Experiment:
    """Fig. 9 at a scale, whose epochs are full fidelity.

    Attributes:
        scale: Of all searches.
        target_ms: Of Eq. 19.
        budget_epochs: Of a run of a solver.
        grid: Lambdas of the grid search.
        lambda_range: Lowest and highest lambda.
    """

    scale: Scale
    target_ms: float
    budget_epochs: int
    grid: int
    lambda_range: tuple[float, float] = (0.1, 10.0)

    def problem(self, seed: int) -> Problem:
        """What a run asks its solver."""
        low, high = self.lambda_range
        lowest = min(_LOWEST_EPOCHS, self.scale.epochs)
        return Problem((self.target_ms,), low, high, lowest, self.scale.epochs, seed)


def run(experiment: Experiment, kinds: Sequence[str], records: Records) -> list[Row]:
    """A row for each search: those of every run of every solver, one after the other, and the grid's."""
    rows = []
    for kind in kinds:
        for number in range(experiment.scale.runs):
            rows += _study(experiment, kind, number, records)
    lambdas = np.geomspace(*experiment.lambda_range, experiment.grid)
    problem = experiment.problem(0)
    for epochs in range(problem.epochs_min, problem.epochs_max + 1):
        for lambda_ in map(float, lambdas):
            found = _search(experiment, Suggestion(lambda_, epochs), 0, records)
            rows.append(_row(experiment, GRID, 0, found))
    return rows


def _study(experiment: Experiment, kind: str, run_number: int, records: Records) -> list[Row]:
    solver = _ADAPTER.validate_python({"kind": kind})
    problem = experiment.problem(run_number)
    history: list[Observation] = []
    rows: list[Row] = []
    spent = 0
    while True:
        asked = solver.suggest(problem, history, (), experiment.budget_epochs - spent)
        if asked is None:
            return rows
        seed = trial_seed(run_number, len(history))
        found = _search(experiment, asked, seed, records)
        outcome = (found["accuracy"], found["runtime_ms"])
        history.append(
            Observation(len(history), asked.lambda_, asked.epochs, *outcome, asked.hinge_target_ms)
        )
        spent += asked.epochs
        row = _row(experiment, kind, run_number, found) | {"spent_epochs": spent}
        experiment.scale.say(f"{kind}, run {run_number}: {spent} epochs, reward {row['reward']}")
        rows.append(row)


def _search(experiment: Experiment, asked: Suggestion, seed: int, records: Records) -> Row:
    """Outcome of a search; none where it diverged. Equal searches are run once."""
    scale, lambda_, epochs, aim_ms = experiment.scale, asked.lambda_, asked.epochs, asked.hinge_target_ms
    job = SearchJob(scale.settings, scale.platform, lambda_, epochs, seed, aim_ms)

    def search() -> Row:
        reports: list[EpochReport] = []
        found: Row = {"lambda": lambda_, "epochs": epochs, "seed": seed, "accuracy": None, "runtime_ms": None}
        try:
            run_search(job, on_epoch=reports.append, threads=scale.threads)
        except DivergedError:
            return found
        return found | {"accuracy": reports[-1].accuracy, "runtime_ms": reports[-1].runtime_ms}

    aim = "" if aim_ms is None else f", hinged at {aim_ms!r} ms"
    return records.get(f"lambda {lambda_!r}, {epochs} epochs, seed {seed}{aim}", search)


def _row(experiment: Experiment, solver: str, run_number: int, found: Row) -> Row:
    value = None
    if found["accuracy"] is not None:
        value = reward(found["accuracy"], found["runtime_ms"], experiment.target_ms)
    outcome = {key: value for key, value in found.items() if key != "key"}
    return {"solver": solver, "run": run_number, **outcome, "reward": value}


def curves(experiment: Experiment, rows: Sequence[Row]) -> dict[str, fig9.Array]:
    """Of each solver the best rewards at full fidelity after 0 to all epochs, shape (runs, budget + 1)."""
    found = {}
    solvers = dict.fromkeys(row["solver"] for row in rows if row["solver"] != GRID)
    for solver in solvers:
        best = np.full((experiment.scale.runs, experiment.budget_epochs + 1), np.nan)
        for row in rows:
            if (
                row["solver"] == solver
                and row["epochs"] == experiment.scale.epochs
                and row["reward"] is not None
            ):
                later = best[row["run"], row["spent_epochs"] :]
                np.fmax(later, row["reward"], out=later)
        found[solver] = best
    return found


def heatmap(rows: Sequence[Row]) -> tuple[list[float], list[int], fig9.Array]:
    """Lambdas, epochs and the grid search's rewards, shape (epochs, lambdas), NaN where a search diverged."""
    cells = {(row["epochs"], row["lambda"]): row["reward"] for row in rows if row["solver"] == GRID}
    lambdas, epochs = sorted({at for _, at in cells}), sorted({count for count, _ in cells})
    return lambdas, epochs, np.array([[cells[count, at] for at in lambdas] for count in epochs], dtype=float)


def summary(experiment: Experiment, rows: Sequence[Row]) -> list[Row]:
    """Best reward at the end of the budget, its mean and deviation over the runs that have one."""
    found = []
    for solver, best in curves(experiment, rows).items():
        ends = [float(value) for value in best[:, -1] if not np.isnan(value)]
        found.append(
            {
                "solver": solver,
                "runs": len(ends),
                "searches": sum(row["solver"] == solver for row in rows),
                "best_reward_mean": statistics.fmean(ends) if ends else None,
                "best_reward_deviation": statistics.pstdev(ends) if ends else None,
            }
        )
    return found


def figure(experiment: Experiment, rows: Sequence[Row], title: str) -> go.Figure:
    """Both halves side by side."""
    return fig9.figure(curves(experiment, rows), heatmap(rows), title)
