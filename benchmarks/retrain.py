"""Trains searched architectures from scratch: does accuracy fall with the runtime, as the table says?

    python -m benchmarks.retrain benchmarks/tables/translated_digits.jsonl --epochs 24

Of the plain searches at the table's most epochs it takes some that are spread evenly over log R, and trains
the ConvNet of each anew with the table's settings, but for the images and batches where told. Retrained
accuracies are those on the test split, which no search has seen. Prints also the rank correlations with R and
with the accuracy in the search, and the slope.
"""

import argparse
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr

from benchmarks._publish import write_json
from benchmarks.search_table import Row, read_table
from nas_worker.data import load_dataset
from nas_worker.inputs import search_inputs
from nas_worker.job import SearchSettings
from nas_worker.proxy_training import ProxyTraining
from nas_worker.search import torch_settings
from nas_worker.search_data import SearchData
from nas_worker.space import Architecture


def spread(rows: list[Row], count: int) -> list[Row]:
    """Searches of different architectures, fastest first, as evenly spread over log R as there are.

    Raises:
        ValueError: There are fewer different architectures than asked for.
    """
    plain = [row for row in rows if row["hinge_target_ms"] is None]
    longest = max((row["epochs"] for row in plain), default=0)
    different = {tuple(row["architecture"]): row for row in plain if row["epochs"] == longest}
    left = sorted(different.values(), key=lambda row: row["runtime_ms"])
    if not 2 <= count <= len(left):
        raise ValueError(f"count must be 2 or more, and at most the {len(left)} architectures; it is {count}")
    chosen = []
    for runtime_ms in np.geomspace(left[0]["runtime_ms"], left[-1]["runtime_ms"], count):
        nearest = min(left, key=lambda row: abs(np.log(row["runtime_ms"] / runtime_ms)))
        left.remove(nearest)
        chosen.append(nearest)
    return sorted(chosen, key=lambda row: row["runtime_ms"])


def retrained(settings: SearchSettings, architecture: Architecture, epochs: int, seed: int) -> float:
    """Accuracy on the test split, in [0, 1], after training from scratch with the optimiser of a search."""
    dataset = load_dataset(settings.dataset)
    train, test = search_inputs(
        replace(dataset, validation=dataset.test),
        settings.image_size,
        settings.max_train_images,
        torch.device("cpu"),
    )
    data = SearchData(train, test, dataset.classes, dataset.fingerprint)
    with torch_settings(threads=1):
        training = ProxyTraining(architecture, settings, data, epochs=epochs, seed=seed)
        for epoch in range(1, epochs + 1):
            training.train(epoch)
        return training.accuracy()


def retrained_all(
    settings: SearchSettings, rows: list[Row], epochs: int, seeds: list[int], processes: int
) -> NDArray[np.float64]:
    """Accuracies of the rows' architectures with each seed, shape (rows, seeds); see :func:`retrained`."""
    jobs = [(Architecture.parse(row["architecture"]), seed) for row in rows for seed in seeds]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(retrained, settings, network, epochs, seed) for network, seed in jobs]
        accuracies = [future.result() for future in futures]
    return np.array(accuracies).reshape(len(rows), len(seeds))


def trend(rows: list[Row], accuracies: NDArray[np.float64]) -> Mapping[str, float]:
    """How accuracy goes with R.

    Args:
        rows: n searches.
        accuracies: n x s, retrained with s seeds.
    """
    means = accuracies.mean(1)
    halvings = -np.log2([row["runtime_ms"] for row in rows])
    searched = [row["accuracy"] for row in rows]
    spread_of_seeds = np.sqrt(accuracies.var(1, ddof=1).mean()) if accuracies.shape[1] > 1 else 0.0
    return {
        "rank_correlation_with_runtime": float(spearmanr(-halvings, means).statistic),
        "rank_correlation_with_search": float(spearmanr(searched, means).statistic),
        "points_per_halving": 100 * float(np.polyfit(halvings, means, 1)[0]),
        "points_per_halving_in_search": 100 * float(np.polyfit(halvings, searched, 1)[0]),
        "seed_deviation_points": 100 * float(spread_of_seeds),
    }


def _shown(rows: list[Row], accuracies: NDArray[np.float64], seeds: list[int]) -> dict[str, float]:
    """Prints a line a search, and gives the same figures."""
    table = Table("R ms", "lambda", "in the search", *(f"seed {seed}" for seed in seeds))
    figures: dict[str, float] = {}
    for number, row in enumerate(rows):
        for place, seed in enumerate(seeds):
            figures[f"{number}.retrained_accuracy_seed_{seed}"] = accuracies[number, place]
        figures[f"{number}.runtime_ms"] = row["runtime_ms"]
        figures[f"{number}.search_accuracy"] = row["accuracy"]
        table.add_row(
            f"{row['runtime_ms']:.1f}",
            f"{row['lambda']:g}",
            f"{row['accuracy']:.3f}",
            *(f"{accuracy:.3f}" for accuracy in accuracies[number]),
        )
    Console().print(table)
    return figures


def main() -> None:
    """Reads the command line, trains and reports."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrain", description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--search-seeds", type=int, nargs="+", help="take searches of these seeds only")
    parser.add_argument("--count", type=int, default=6, help="architectures")
    parser.add_argument("--epochs", type=int, default=8, help="of training from scratch")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--max-train-images", type=int, help="rather than the table's")
    parser.add_argument("--batch-size", type=int, help="rather than the table's")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    arguments = parser.parse_args()
    try:
        header, rows = read_table(arguments.table)
        wanted = arguments.search_seeds
        rows = spread([row for row in rows if not wanted or row["seed"] in wanted], arguments.count)
        further = {name: getattr(arguments, name) for name in ("max_train_images", "batch_size")}
        told = {name: value for name, value in further.items() if value is not None}
        settings = SearchSettings.model_validate({**header["settings"], **told})
    except ValueError as error:
        parser.error(str(error))
    accuracies = retrained_all(settings, rows, arguments.epochs, arguments.seeds, arguments.processes)
    figures = _shown(rows, accuracies, arguments.seeds)
    found = trend(rows, accuracies)
    for name, value in found.items():
        Console().print(f"{name}: {value:.2f}")
    if arguments.json is not None:
        run = {name: getattr(arguments, name) for name in ("search_seeds", "epochs", "seeds")}
        run["table"] = arguments.table.name
        packages = ("torch", "numpy", "scipy")
        write_json(
            arguments.json,
            "retrain",
            packages,
            {**run, **settings.model_dump(mode="json")},
            {**figures, **found},
        )


if __name__ == "__main__":
    main()
