"""Tunes lambda inside Ray Tune: a solver of this package proposes, ASHA stops what lags behind.

    python examples/tune_with_asha.py             a formula in place of the search, a minute
    python examples/tune_with_asha.py --search    real searches on digits

Searches that ASHA stops early cost fewer epochs; the solver gets the rest of their epochs back.
"""

import argparse
import logging
import math
import os
import tempfile
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler

from solver.base import Problem
from solver.composite import Composite
from solver.reward import reward
from solver.tune import SolverSearcher

PROBLEM = Problem(targets_ms=(80.0,), lambda_low=0.1, lambda_high=10.0, epochs_min=2, epochs_max=4, seed=0)


def report(accuracy: float, runtime_ms: float) -> None:
    """Reports an epoch; the solver needs accuracy and runtime, ASHA the reward."""
    tune.report(
        {
            "accuracy": accuracy,
            "runtime_ms": runtime_ms,
            "reward": reward(accuracy, runtime_ms, PROBLEM.targets_ms[0]),
        }
    )


def formula(config: dict[str, Any]) -> None:
    """Stands for a search: R falls with lambda and with the epochs."""
    for epoch in range(1, config["epochs"] + 1):
        fallen = 1 / (1 + math.exp(-4 * math.log10(config["lambda"]) - epoch))
        report(accuracy=0.9 - 0.1 * fallen - 0.3 * math.exp(-epoch), runtime_ms=130 - 95 * fallen)


def search(config: dict[str, Any]) -> None:
    """A real search, epoch by epoch."""
    from nas_worker.job import SearchJob, SearchSettings  # noqa: PLC0415 - torch, only where it is needed
    from nas_worker.platform import load_platform  # noqa: PLC0415 - likewise
    from nas_worker.search import run_search  # noqa: PLC0415 - likewise

    job = SearchJob(SearchSettings(), load_platform("pixel1"), config["lambda"], config["epochs"], seed=0)
    run_search(job, on_epoch=lambda epoch: report(epoch.accuracy, epoch.runtime_ms))


def main() -> None:
    """Runs the study and prints its best trial."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--search", action="store_true", help="run real searches")
    parser.add_argument("--budget-epochs", type=int, default=24)
    arguments = parser.parse_args()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with tempfile.TemporaryDirectory() as folder:
        ray.init(
            "local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
        )
        results = tune.Tuner(
            tune.with_resources(search if arguments.search else formula, {"cpu": 1}),
            tune_config=tune.TuneConfig(
                metric="reward",
                mode="max",
                search_alg=SolverSearcher(Composite(), PROBLEM, arguments.budget_epochs),
                scheduler=ASHAScheduler(grace_period=2, max_t=PROBLEM.epochs_max),
                num_samples=-1,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        ).fit()
        best = results.get_best_result()
        ray.shutdown()
    assert best.config is not None
    assert best.metrics is not None
    print(f"{len(results)} trials; best lambda {best.config['lambda']:.3g}:", end=" ")  # noqa: T201 - its output
    print(f"accuracy {best.metrics['accuracy']:.4f}, R {best.metrics['runtime_ms']:.1f} ms")  # noqa: T201


if __name__ == "__main__":
    main()
