"""Real searches over lambda x epochs x seeds, or over hinged targets, kept as JSON lines.

    python -m benchmarks.search_table --lambdas 0.1:10:9 --epochs 8 --out table.jsonl

Each line is one search: lambda, epochs, seed, hinge_target_ms, accuracy, runtime_ms, cross_entropy,
seconds, architecture. What the file has already is not run again, so an interrupted call goes on. The
simulator of ``benchmarks.solvers`` replays such tables.
"""

import argparse
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from nas_worker.job import EpochReport, SearchJob, SearchSettings
from nas_worker.platform import load_platform
from nas_worker.search import run_search

Key = tuple[float, int, int, float | None]


def run_one(key: Key) -> dict[str, Any]:
    """Runs one search at the default settings on one thread."""
    lambda_, epochs, seed, hinge_target_ms = key
    reports: list[EpochReport] = []
    job = SearchJob(SearchSettings(), load_platform("pixel1"), lambda_, epochs, seed, hinge_target_ms)
    run_search(job, on_epoch=reports.append)
    last = reports[-1]
    return {
        "lambda": lambda_,
        "epochs": epochs,
        "seed": seed,
        "hinge_target_ms": hinge_target_ms,
        "accuracy": last.accuracy,
        "runtime_ms": last.runtime_ms,
        "cross_entropy": last.cross_entropy,
        "seconds": round(sum(report.seconds for report in reports), 2),
        "architecture": list(last.architecture),
    }


def key_of(row: dict[str, Any]) -> Key:
    """What tells one search from another."""
    return row["lambda"], row["epochs"], row["seed"], row["hinge_target_ms"]


def read_table(path: Path) -> list[dict[str, Any]]:
    """The searches of a file; none if it does not exist."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def wanted(arguments: argparse.Namespace) -> Iterator[Key]:
    """The searches that were asked for."""
    low, high, count = arguments.lambdas.split(":")
    lambdas = [float(f"{value:.6g}") for value in np.geomspace(float(low), float(high), int(count))]
    for seed in arguments.seeds:
        for epochs in arguments.epochs:
            for lambda_ in lambdas:
                for target in arguments.hinge_targets_ms or [None]:
                    yield lambda_, epochs, seed, target


def show(rows: list[dict[str, Any]]) -> None:
    """Prints the table."""
    table = Table("lambda", "epochs", "seed", "hinge ms", "accuracy", "R ms", "s")
    table.add_column("architecture", no_wrap=True)
    for row in sorted(rows, key=lambda row: (row["hinge_target_ms"] or 0, *key_of(row)[:3])):
        table.add_row(
            f"{row['lambda']:.3g}",
            str(row["epochs"]),
            str(row["seed"]),
            "" if row["hinge_target_ms"] is None else f"{row['hinge_target_ms']:g}",
            f"{row['accuracy']:.3f}",
            f"{row['runtime_ms']:.1f}",
            f"{row['seconds']:.0f}",
            " ".join("-" if kind == "skip" else kind for kind in row["architecture"]),
        )
    Console(width=400).print(table)


def main() -> None:
    """Reads the command line, runs what is missing and prints all that was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lambdas", default="0.1:10:9", help="LOW:HIGH:N, log-spaced")
    parser.add_argument("--epochs", type=int, nargs="+", default=[8])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--hinge-targets-ms", type=float, nargs="+", default=None)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    keys = list(dict.fromkeys(wanted(arguments)))
    done = {key_of(row) for row in read_table(arguments.out)}
    # Spawned: torch's threads do not survive a fork.
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(run_one, key) for key in keys if key not in done]
        for future in as_completed(futures):
            with arguments.out.open("a") as file:
                file.write(json.dumps(future.result()) + "\n")
    show([row for row in read_table(arguments.out) if key_of(row) in set(keys)])


if __name__ == "__main__":
    main()
