"""How near hinged searches end to their targets, and what solvers make of them at equal budget.

    python -m benchmarks.targeted benchmarks/tables/digits_hinged.jsonl --json targeted.json

The first table gives (R_T - R) / R_T of the recorded searches: for each aim with lambda 1 at the most epochs,
and over all aims for each recorded lambda and number of epochs. The second gives the best Eq. 19 that a study
has seen once it has spent so many epochs, a mean over the aims and the studies. ``targeted`` draws from the
searches with the nearest recorded lambda, one of their seeds at random; the others search the plain table.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks._landscape import Landscape
from benchmarks._publish import write_json
from benchmarks._table import recorded
from benchmarks.search_table import Row, read_table
from solver.base import Observation, Problem, Solver, Suggestion, best_trial
from solver.bayesian import Bayesian
from solver.composite import Composite
from solver.targeted import Targeted

_PLAIN = Path(__file__).parent / "tables" / "digits.jsonl"
_SOLVERS: tuple[type[Solver], ...] = (Targeted, Bayesian, Composite)
_BUDGETS = (8, 16, 24, 40, 80)
_LAMBDA = 1.0

Search = Callable[[Suggestion, np.random.Generator], tuple[float, float]]
"""(accuracy, runtime_ms) of a suggested search; the generator stands for its seed."""


def misses(rows: list[Row]) -> dict[str, float]:
    """Figures of (R_T - R) / R_T in percent, positive below the target."""
    below = 100 * np.array([1 - row["runtime_ms"] / row["hinge_target_ms"] for row in rows])
    return {
        "searches": len(rows),
        "median_below_pct": float(np.median(below)),
        "worst_below_pct": max(0.0, float(below.max())),
        "worst_above_pct": max(0.0, float(-below.min())),
        "share_above_pct": 100 * float(np.mean(below < 0)),
        "mean_accuracy": float(np.mean([row["accuracy"] for row in rows])),
    }


def groups(rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    """The searches that a line of the first table tells of, by its name."""
    epochs = max(row["epochs"] for row in rows)
    for aim_ms in sorted({row["hinge_target_ms"] for row in rows}):
        chosen = [row for row in rows if (row["lambda"], row["epochs"]) == (_LAMBDA, epochs)]
        yield f"{aim_ms:g}_ms", [row for row in chosen if row["hinge_target_ms"] == aim_ms]
    kinds = defaultdict(list)
    for row in rows:
        kinds[row["lambda"], row["epochs"]].append(row)
    for (lambda_, length), chosen in sorted(kinds.items()):
        yield f"lambda_{lambda_:g},_{length}_epochs", chosen


def replayed(rows: list[Row], landscape: Landscape) -> Search:
    """Searches as they were recorded.

    A hinged one is at the nearest recorded lambda and of a seed drawn at random; it raises ValueError where
    none was recorded with the suggested aim and epochs. Plain ones are the landscape's.
    """

    def search(suggestion: Suggestion, rng: np.random.Generator) -> tuple[float, float]:
        if suggestion.hinge_target_ms is None:
            return landscape.search(suggestion.lambda_, suggestion.epochs, int(rng.integers(2**31)))
        wanted = suggestion.hinge_target_ms, suggestion.epochs
        aimed = [row for row in rows if (row["hinge_target_ms"], row["epochs"]) == wanted]
        if not aimed:
            raise ValueError(f"the table holds no search with (hinge_target_ms, epochs) = {wanted}")
        nearest = min((row["lambda"] for row in aimed), key=lambda x: abs(np.log(x / suggestion.lambda_)))
        seeds = [row for row in aimed if row["lambda"] == nearest]
        row = seeds[rng.integers(len(seeds))]
        return row["accuracy"], row["runtime_ms"]

    return search


def best_rewards(solver: Solver, problem: Problem, search: Search) -> list[float]:
    """The best Eq. 19 that a study has seen when it has spent each of the budgets, one trial at a time."""
    history: list[Observation] = []
    best = dict.fromkeys(_BUDGETS, 0.0)
    left = max(_BUDGETS)
    while suggestion := solver.suggest(problem, history, (), left):
        left -= suggestion.epochs
        number = len(history)
        outcome = search(suggestion, np.random.default_rng((problem.seed, number)))
        history.append(
            Observation(number, suggestion.lambda_, suggestion.epochs, *outcome, suggestion.hinge_target_ms)
        )
        found = best_trial(problem, history, problem.targets_ms[0])
        for budget in _BUDGETS:
            if found is not None and max(_BUDGETS) - left <= budget:
                best[budget] = found[1]
    return list(best.values())


def compare(rows: list[Row], plain: Path, seeds: int) -> dict[str, list[float]]:
    """Mean of the best reward at each budget for each solver, over the aims and so many studies each."""
    landscape = recorded(plain, 0)
    search = replayed(rows, landscape)
    aims = sorted({row["hinge_target_ms"] for row in rows})
    return {
        kind.model_fields["kind"].default: np.mean(
            [
                best_rewards(
                    kind.model_validate({}),
                    replace(landscape.problem, targets_ms=(aim_ms,), seed=seed),
                    search,
                )
                for aim_ms in aims
                for seed in range(seeds)
            ],
            axis=0,
        ).tolist()
        for kind in _SOLVERS
    }


def show(figures: dict[str, dict[str, float]], rewards: dict[str, list[float]]) -> None:
    """Prints both tables."""
    console = Console()
    table = Table()
    table.add_column("searches", no_wrap=True)
    for heading in ("n", "median below %", "worst below %", "worst above %", "share above %", "accuracy"):
        table.add_column(heading, justify="right")
    for name, values in figures.items():
        table.add_row(name.replace("_", " "), *(f"{value:.3g}" for value in values.values()))
    console.print(table)
    table = Table("best reward", *(f"{budget} epochs" for budget in _BUDGETS))
    for name, means in rewards.items():
        table.add_row(name, *(f"{value:.4f}" for value in means))
    console.print(table)


def main(argv: list[str] | None = None) -> None:
    """Reads the command line, prints the tables and writes the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.targeted", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("table", type=Path, help="hinged searches of benchmarks.search_table")
    parser.add_argument("--plain", type=Path, default=_PLAIN, help="searches without a hinge")
    parser.add_argument("--seeds", type=int, help="studies per aim and solver; 10, or 2 with --quick")
    parser.add_argument("--quick", action="store_true", help="few studies; ends within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    arguments = parser.parse_args(argv)
    seeds = arguments.seeds or (2 if arguments.quick else 10)
    rows = [row for row in read_table(arguments.table)[1] if row["hinge_target_ms"] is not None]
    figures = {name: misses(chosen) for name, chosen in groups(rows) if chosen}
    rewards = compare(rows, arguments.plain, seeds)
    show(figures, rewards)
    if arguments.json is not None:
        flat = {f"{name}.{key}": value for name, values in figures.items() for key, value in values.items()}
        for name, means in rewards.items():
            for budget, mean in zip(_BUDGETS, means, strict=True):
                flat[f"{name}.mean_best_reward_at_{budget}_epochs"] = mean
        settings = {"table": str(arguments.table), "plain": str(arguments.plain), "seeds": seeds}
        write_json(arguments.json, "targeted", ("dragonfly-opt", "numpy"), settings, flat)


if __name__ == "__main__":
    main()
