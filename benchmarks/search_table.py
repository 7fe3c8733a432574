"""Real searches over lambda x epochs x seeds, or over hinged targets, kept as JSON lines.

    python -m benchmarks.search_table --lambdas 0.1:10:24 --epochs 2:8 --seeds 0 1 2 --out table.jsonl

The first line says how they were run; each further one is a search: lambda, epochs, seed, hinge_target_ms,
accuracy, runtime_ms, cross_entropy, seconds, architecture. What the file has already is not run again, so an
interrupted call goes on. The simulator of ``benchmarks.solvers`` replays such tables.

Searches of one seed and length are the same until the runtime term sets in, so they share those epochs. The
figures are those of ``nas_worker.search.run_search`` to the last bit; seconds are without the shared part.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from nas_worker.formulations import new_search
from nas_worker.job import SearchJob, SearchSettings
from nas_worker.platform import load_platform
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.search import torch_settings

Key = tuple[float, int, int, float | None]
"""lambda, epochs, seed, hinge_target_ms."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """What all searches of a table share."""

    settings: SearchSettings
    platform: str

    def job(self, key: Key) -> SearchJob:
        """The search that a key stands for."""
        lambda_, epochs, seed, hinge_target_ms = key
        platform = load_platform(self.platform)
        return SearchJob(self.settings, platform, lambda_, epochs, seed, hinge_target_ms)

    def shared_epochs(self, epochs: int) -> int:
        """Whole epochs of a search that lie in its warm-up."""
        return int(self.settings.warm_up * epochs)

    @cached_property
    def header(self) -> Row:
        """The first line of a table."""
        return {
            "settings": self.settings.model_dump(mode="json"),
            "platform": self.platform,
            "platform_hash": load_platform(self.platform).content_hash,
            "versions": {name: version(name) for name in ("torch", "numpy")},
        }


def warm_up(recipe: Recipe, epochs: int, seed: int, folder: Path) -> Path:
    """Trains what searches of this seed and length share, and returns the file of its state."""
    trainer = new_search(recipe.job((1.0, epochs, seed, None)))
    with torch_settings(threads=1):
        for epoch in range(1, recipe.shared_epochs(epochs) + 1):
            trainer.train(epoch, lambda: False)
    path = folder / f"{epochs}-epochs-seed-{seed}.pt"
    torch.save(trainer.state_dict(), path)
    return path


def search(recipe: Recipe, key: Key, warm: Path) -> Row:
    """Runs a search from the end of the shared epochs on one thread."""
    started = time.perf_counter()
    job = recipe.job(key)
    trainer = new_search(job)
    trainer.load_state_dict(torch.load(warm, weights_only=True))
    cross_entropy = None
    with torch_settings(threads=1):
        for epoch in range(recipe.shared_epochs(job.epochs) + 1, job.epochs + 1):
            cross_entropy = trainer.train(epoch, lambda: False)
        accuracy, architecture = trainer.evaluate(job.epochs)
    return {
        "lambda": job.lambda_,
        "epochs": job.epochs,
        "seed": job.seed,
        "hinge_target_ms": job.hinge_target_ms,
        "accuracy": accuracy,
        "runtime_ms": architecture_runtime_ms(job.platform, architecture),
        "cross_entropy": cross_entropy,
        "seconds": round(time.perf_counter() - started, 2),
        "architecture": architecture.format(),
    }


def key_of(row: Row) -> Key:
    """What tells one search from another."""
    return row["lambda"], row["epochs"], row["seed"], row["hinge_target_ms"]


def read_table(path: Path) -> tuple[Row, list[Row]]:
    """The header and the searches of a file.

    Raises:
        ValueError: The first line is no header; a line is no JSON object.
    """
    header, *rows = [json.loads(line) for line in path.read_text().splitlines()]
    if "settings" not in header:
        raise ValueError(f"{path}: the first line must say how the searches were run, but has no settings")
    return header, rows


def write_missing(recipe: Recipe, keys: Iterable[Key], path: Path, workers: int) -> None:
    """Runs the searches that a table lacks and appends each as it ends.

    Raises:
        ValueError: The table holds searches of another recipe.
    """
    if not path.exists():
        path.write_text(json.dumps(recipe.header) + "\n")
    header, rows = read_table(path)
    differing = [name for name, value in recipe.header.items() if header.get(name) != value]
    if differing:
        raise ValueError(f"{path} was made with other {', '.join(differing)}; choose another file")
    done = {key_of(row) for row in rows}
    missing = [key for key in keys if key not in done]
    groups = sorted({(epochs, seed) for _, epochs, seed, _ in missing})
    # Spawned: torch's threads do not survive a fork.
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
    ):
        warm = {group: pool.submit(warm_up, recipe, *group, Path(folder)) for group in groups}
        states = {group: future.result() for group, future in warm.items()}
        futures = [pool.submit(search, recipe, key, states[key[1], key[2]]) for key in missing]
        for future in as_completed(futures):
            with path.open("a") as file:
                file.write(json.dumps(future.result()) + "\n")


def wanted(arguments: argparse.Namespace) -> Iterator[Key]:
    """The searches that were asked for."""
    low, high, count = arguments.lambdas.split(":")
    lambdas = [float(f"{value:.6g}") for value in np.geomspace(float(low), float(high), int(count))]
    for seed in arguments.seeds:
        for epochs in arguments.epochs:
            for lambda_ in lambdas:
                for target in arguments.hinge_targets_ms or [None]:
                    yield lambda_, epochs, seed, target


def show(rows: list[Row]) -> None:
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


def _epochs(text: str) -> list[int]:
    low, _, high = text.partition(":")
    return list(range(int(low), int(high or low) + 1))


def _setting(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def main() -> None:
    """Reads the command line, runs what is missing and prints all that was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lambdas", default="0.1:10:9", help="LOW:HIGH:N, log-spaced")
    parser.add_argument("--epochs", type=_epochs, nargs="+", default=[[8]], help="N or LOW:HIGH")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--hinge-targets-ms", type=float, nargs="+", default=None)
    parser.add_argument("--platform", default="pixel1")
    parser.add_argument(
        "--set", type=_setting, nargs="+", default=[], metavar="NAME=VALUE", help="search settings"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.epochs = [epochs for some in arguments.epochs for epochs in some]
    keys = list(dict.fromkeys(wanted(arguments)))
    try:
        recipe = Recipe(SearchSettings.model_validate(dict(arguments.set)), arguments.platform)
        write_missing(recipe, keys, arguments.out, arguments.workers)
    except (ValidationError, ValueError) as error:
        parser.error(str(error))
    show([row for row in read_table(arguments.out)[1] if key_of(row) in set(keys)])


if __name__ == "__main__":
    main()
