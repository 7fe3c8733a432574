"""How long a suggestion takes, for each solver, after 10, 50 and 200 trials."""

import argparse
import statistics
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks._families import member
from benchmarks._publish import write_json
from solver.base import Observation, Solver
from solver.registry import SOLVERS
from solver.space import from_unit, generator

_LENGTHS = (10, 50, 200)


def history(count: int) -> list[Observation]:
    """Trials of a synthetic landscape at random lambdas and epochs."""
    landscape = member("gates", 0)
    problem = landscape.problem
    trials = []
    for number in range(count):
        rng = generator(problem, number)
        lambda_ = from_unit(problem, rng.random())
        epochs = int(rng.integers(problem.epochs_min, problem.epochs_max + 1))
        trials.append(Observation(number, lambda_, epochs, *landscape.search(lambda_, epochs, number)))
    return trials


def median_seconds(solver: Solver, trials: list[Observation], repeats: int) -> float:
    """Median wall time of a suggestion."""
    problem = member("gates", 0).problem
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        solver.suggest(problem, trials, (), 400)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suggestion", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats; ends within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    arguments = parser.parse_args()
    repeats = 3 if arguments.quick else 15
    table = Table("solver", *(f"s at {count} trials" for count in _LENGTHS))
    figures = {}
    for kind in SOLVERS:
        solver = kind.model_validate({})
        found = [median_seconds(solver, history(count), repeats) for count in _LENGTHS]
        table.add_row(solver.kind, *(f"{seconds:.4f}" for seconds in found))
        for count, seconds in zip(_LENGTHS, found, strict=True):
            figures[f"{solver.kind}.median_seconds_at_{count}_trials"] = seconds
    Console().print(table)
    if arguments.json is not None:
        packages = ("dragonfly-opt", "numpy", "scipy")
        write_json(arguments.json, "suggestion", packages, {"repeats": repeats}, figures)


if __name__ == "__main__":
    main()
