"""Step time and peak memory of the supernet over those of the largest plain network (target: 1.05 of both).

    python -m benchmarks.supernet_cost [--quick] [--json FILE]

The networks take turns, a step each, so that what else the machine does falls on all of them alike; a figure
is the median of the ratios within a round. Memory is the peak of resident memory of a fresh process, above
what it had before the network was built. The multi-path supernet is compared in the same rounds.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks._publish import print_figures, write_json
from benchmarks._step_cost import MULTI_PATH, NETWORKS, PLAIN, SINGLE_PATH, training_step
from nas_worker.search import torch_settings

_WARM_UP_STEPS = 2
_MEMORY_STEPS = 3


def step_seconds(
    networks: Sequence[str], width: float, image_size: int, batch: int, rounds: int
) -> dict[str, list[tuple[float, float]]]:
    """(wall, CPU) seconds of a step of each network, a row per round."""
    steps = {network: training_step(network, width, image_size, batch) for network in networks}
    for step in steps.values():
        for _ in range(_WARM_UP_STEPS):
            step()
    found: dict[str, list[tuple[float, float]]] = {network: [] for network in networks}
    for number in range(rounds):
        start = number % len(networks)
        for network in (*networks[start:], *networks[:start]):
            wall, cpu = time.perf_counter(), time.process_time()
            steps[network]()
            found[network].append((time.perf_counter() - wall, time.process_time() - cpu))
    return found


def peak_bytes(network: str, width: float, image_size: int, batch: int) -> int:
    """Peak resident memory of a process that trains a network, above what it had before."""
    command = [sys.executable, "-m", "benchmarks._step_cost", network]
    command += [str(number) for number in (width, image_size, batch, _MEMORY_STEPS)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - this program
    sizes = json.loads(done.stdout)
    return int(sizes["peak"]) - int(sizes["before"])


def figures_of(width: float, image_size: int, batch: int, rounds: int) -> dict[str, float]:
    """Measures all networks at one size."""
    with torch_settings(threads=1):
        seconds = {
            network: np.array(rows)
            for network, rows in step_seconds(NETWORKS, width, image_size, batch, rounds).items()
        }
    memory = {network: peak_bytes(network, width, image_size, batch) for network in NETWORKS}
    figures = {f"{network}.step_ms": 1e3 * float(np.median(rows[:, 0])) for network, rows in seconds.items()}
    figures |= {f"{network}.peak_mib": size / 2**20 for network, size in memory.items()}
    for network in (SINGLE_PATH, MULTI_PATH):
        wall, cpu = np.median(seconds[network] / seconds[PLAIN], axis=0)
        figures[f"{network}.step_time_over_plain"] = float(wall)
        figures[f"{network}.cpu_time_over_plain"] = float(cpu)
        figures[f"{network}.memory_over_plain"] = memory[network] / memory[PLAIN]
    ratio = np.median(seconds[MULTI_PATH] / seconds[SINGLE_PATH], axis=0)[0]
    figures["multi_path.step_time_over_single_path"] = float(ratio)
    figures["multi_path.memory_over_single_path"] = memory[MULTI_PATH] / memory[SINGLE_PATH]
    return figures


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.supernet_cost", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds; ends within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, help="steps of each network; default: 30, or 5 with --quick")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (5 if arguments.quick else 30)
    sizes = {"width": arguments.width, "image_size": arguments.image_size, "batch": arguments.batch}
    figures = figures_of(**sizes, rounds=rounds)
    print_figures(figures)
    if arguments.json is not None:
        write_json(arguments.json, "supernet_cost", ("torch",), sizes | {"rounds": rounds}, figures)


if __name__ == "__main__":
    main()
