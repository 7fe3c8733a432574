"""Fig. 9: best reward of solvers against the epochs spent (left), reward over lambda and epochs (right).

    python -m benchmarks.figure9 --table benchmarks/tables/digits.jsonl --target-ms 60 --out figure9.html
    python -m benchmarks.figure9 --table ... --target-ms 60 --real --budget-epochs 40 --out real.html

Left, studies are replayed on the table, or with ``--real`` run searches with the table's settings. Of each
solver the mean over the runs of the best Eq. 19 at full fidelity is drawn with one standard deviation. Right
are the table's searches, the mean over seeds.
"""

import argparse
import math
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks._landscape import Array
from benchmarks._publish import write_json
from benchmarks._simulator import Replay, replay
from benchmarks._table import Recorded, recorded
from benchmarks.search_table import Recipe, Row, read_table
from benchmarks.solvers import make_tuner
from nas_worker.formulations import new_search
from nas_worker.job import SearchSettings
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.search import torch_settings
from service.figures import fig9
from solver.base import Observation, Problem
from solver.reward import reward

_TUNERS = ("bayesian", "multi_fidelity", "random", "composite")
_SHOWN_AT = (40, 80, 160, 400)


@dataclass(frozen=True)
class RealSearches:
    """Searches that are run when they are asked for."""

    problem: Problem
    recipe: Recipe

    def search(
        self, lambda_: float, epochs: int, seed: int, hinge_target_ms: float | None = None
    ) -> tuple[float, float]:
        """(accuracy, runtime_ms) of one search."""
        job = self.recipe.job((lambda_, epochs, seed, hinge_target_ms))
        trainer = new_search(job)
        with torch_settings(threads=1):
            for epoch in range(1, epochs + 1):
                trainer.train(epoch, lambda: False)
            accuracy, architecture = trainer.evaluate(epochs)
        return accuracy, architecture_runtime_ms(job.platform, architecture)

    def regret(self, lambda_: float) -> float:  # noqa: ARG002 - the best lambda is not known
        """Not known."""
        return math.nan


def best_rewards(history: tuple[Observation, ...], problem: Problem, budget_epochs: int) -> Array:
    """Best Eq. 19 at full fidelity after 0 to all epochs of the budget, NaN before the first; ascending."""
    best = np.full(budget_epochs + 1, np.nan)
    spent = 0
    for trial in history:
        spent += trial.epochs
        value = trial.reward(problem.targets_ms[0])
        if trial.epochs == problem.epochs_max and value is not None:
            best[spent:] = np.fmax(best[spent:], value)
    return best


def heatmap(rows: list[Row], target_ms: float) -> tuple[list[float], list[int], Array]:
    """Lambdas, epochs and the mean over seeds of Eq. 19, shape (epochs, lambdas), NaN where there is none."""
    cells: dict[tuple[int, float], list[float]] = defaultdict(list)
    for row in rows:
        if row["hinge_target_ms"] is None:
            value = reward(row["accuracy"], row["runtime_ms"], target_ms)
            cells[row["epochs"], row["lambda"]].append(value)
    lambdas, epochs = sorted({at for _, at in cells}), sorted({count for count, _ in cells})
    means = [[np.mean(cells.get((count, at), [np.nan])) for at in lambdas] for count in epochs]
    return lambdas, epochs, np.array(means, dtype=float)


def show(curves: dict[str, Array], grid: tuple[list[float], list[int], Array]) -> dict[str, float]:
    """Prints both halves and returns their figures by name."""
    console = Console()
    budget = next(iter(curves.values())).shape[1] - 1
    moments = [epochs for epochs in (*_SHOWN_AT, budget) if epochs <= budget]
    left = Table("best reward", *(f"{epochs} epochs" for epochs in dict.fromkeys(moments)))
    figures: dict[str, float] = {}
    for tuner, runs in curves.items():
        cells = []
        for epochs in dict.fromkeys(moments):
            mean, spread = runs[:, epochs].mean(), runs[:, epochs].std()
            cells.append(f"{mean:.4f} ± {spread:.4f}" if np.isfinite(mean) else "not in every run")
            if np.isfinite(mean):
                figures[f"{tuner}.mean_best_reward_at_{epochs}"] = float(mean)
                figures[f"{tuner}.deviation_at_{epochs}"] = float(spread)
        left.add_row(tuner, *cells)
    console.print(left)
    lambdas, counts, rewards = grid
    right = Table("epochs", "best lambda", "its reward", "that lambda's reward at full fidelity")
    for count, row in zip(counts, rewards, strict=True):
        at = int(np.nanargmax(row))
        figures[f"grid.best_lambda_at_{count}_epochs"] = lambdas[at]
        figures[f"grid.best_reward_at_{count}_epochs"] = float(row[at])
        figures[f"grid.full_fidelity_reward_of_best_lambda_at_{count}_epochs"] = float(rewards[-1, at])
        right.add_row(str(count), f"{lambdas[at]:.3g}", f"{row[at]:.4f}", f"{rewards[-1, at]:.4f}")
    console.print(right)
    return figures


def run(
    searches: Recorded | RealSearches, tuner: str, run_number: int, budget_epochs: int, workers: int
) -> Replay:
    """One run of a solver, with a study seed of its own."""
    seeded = replace(searches, problem=replace(searches.problem, seed=run_number))
    return replay(make_tuner(tuner), seeded, budget_epochs, workers)


def main() -> None:
    """Reads the command line, runs, prints and draws."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.figure9", description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--target-ms", type=float, required=True)
    parser.add_argument("--tuners", nargs="+", default=list(_TUNERS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--budget-epochs", type=int, default=400)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--real", action="store_true", help="run the searches instead of replaying the table")
    parser.add_argument("--max-train-images", type=int, help="with --real: fewer images than the table's")
    parser.add_argument("--out", type=Path, required=True, help="an HTML file")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    header, rows = read_table(arguments.table)
    table = recorded(arguments.table, 0)
    problem = replace(table.problem, targets_ms=(arguments.target_ms,))
    searches: Recorded | RealSearches = replace(table, problem=problem)
    if arguments.real:
        changed = {"max_train_images": arguments.max_train_images} if arguments.max_train_images else {}
        settings = SearchSettings.model_validate({**header["settings"], **changed})
        searches = RealSearches(problem, Recipe(settings, header["platform"]))
    curves = {}
    for tuner in arguments.tuners:
        runs = [
            run(searches, tuner, number, arguments.budget_epochs, arguments.workers)
            for number in range(arguments.runs)
        ]
        curves[tuner] = np.array(
            [best_rewards(each.history, problem, arguments.budget_epochs) for each in runs]
        )
    grid = heatmap(rows, arguments.target_ms)
    figures = show(curves, grid)
    what = "real searches" if arguments.real else "replayed searches"
    title = f"{arguments.table.stem}, {arguments.target_ms:g} ms, {arguments.runs} runs, {what}"
    fig9.figure(curves, grid, title).write_html(arguments.out)
    if arguments.json is not None:
        packages = ("dragonfly-opt", "torch", "numpy")
        chosen = {key: value for key, value in vars(arguments).items() if key not in ("json", "out")}
        write_json(arguments.json, "figure9", packages, chosen | {"table": arguments.table.name}, figures)


if __name__ == "__main__":
    main()
