"""How well a latency table tells runtimes of whole ConvNets on this machine (Fig. 4; paper: 1.65 and 1.76 %).

    python -m benchmarks.latency_model [--quick] [--json FILE] [--clock wall|cpu]

For each back end that is installed: a profile with random ConvNets measured in the same rounds. On a machine
that does other work, time on the wall tells more about that work; --clock cpu lessens it.
"""

import argparse
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.table import Table

from benchmarks._publish import write_json
from nas_worker.errors import ProfileInputError
from nas_worker.profiling.backends import backend_of
from nas_worker.profiling.evaluate import evaluate
from nas_worker.profiling.fit import fit_platform, run_spread
from nas_worker.profiling.measure import measure
from nas_worker.profiling.measurements import Measurements
from nas_worker.profiling.settings import BackendName, Clock, ProfileSettings, environment

_FAST = 10
"""Percentile of the runs that is tried beside the median: what the machine does when little disturbs it."""

BACKENDS: tuple[BackendName, ...] = get_args(BackendName)


def figures_of(settings: ProfileSettings) -> dict[str, float]:
    """Measures and compares.

    Raises:
        ProfileInputError: The back end is not there.
    """
    backend = backend_of(settings)
    around = environment(settings.backend, backend.device)
    measured = measure(
        Measurements(settings=settings, environment=around, rounds_done=0, seconds={}), backend
    )
    platform = fit_platform(measured, settings.backend)
    accuracy = evaluate(measured, platform)
    fast = evaluate(measured, fit_platform(measured, settings.backend, _FAST), _FAST)
    return {
        "mean_error_percent": 100 * accuracy.mean_error,
        "rmse_percent_of_mean": 100 * accuracy.relative_rmse,
        "rmse_ms": accuracy.rmse_ms,
        "bias_ms": accuracy.bias_ms,
        "mean_runtime_ms": accuracy.rmse_ms / accuracy.relative_rmse,
        "base_ms": platform.base_ms,
        f"mean_error_percent_at_percentile_{_FAST}": 100 * fast.mean_error,
        f"rmse_percent_of_mean_at_percentile_{_FAST}": 100 * fast.relative_rmse,
        "run_spread_percent": 100 * run_spread(measured),
    }


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.latency_model", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer ConvNets and rounds; ends within a minute"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    parser.add_argument("--clock", choices=get_args(Clock), default="wall", help="what time is measured")
    parser.add_argument("--backend", choices=BACKENDS, help="this one only")
    parser.add_argument("--seed", type=int, default=0, help="of weights and ConvNets")
    arguments = parser.parse_args()
    scale = {"rounds": 4, "evaluation": 10} if arguments.quick else {"rounds": 20, "evaluation": 100}
    settings = {"clock": arguments.clock, "seed": arguments.seed, **scale}
    console = Console()
    table = Table("figure", "value")
    figures: dict[str, float] = {}
    for name in [arguments.backend] if arguments.backend else BACKENDS:
        try:
            found = figures_of(ProfileSettings(backend=name, **settings))
        except ProfileInputError as error:
            console.print(f"left out: {error}", highlight=False)
            continue
        figures |= {f"{name}.{figure}": value for figure, value in found.items()}
    for figure, value in figures.items():
        table.add_row(figure, f"{value:.4g}")
    console.print(table)
    if arguments.json is not None:
        write_json(arguments.json, "latency_model", ("torch",), settings, figures)


if __name__ == "__main__":
    main()
