"""Searches that take about a second."""

from dataclasses import replace
from typing import Any

from nas_worker.job import EpochReport, SearchJob, SearchSettings
from nas_worker.platform import load_platform


def small_job(
    lambda_: float = 1.0,
    epochs: int = 2,
    seed: int = 0,
    hinge_target_ms: float | None = None,
    **settings: Any,
) -> SearchJob:
    """Four steps of 8 images an epoch; thresholds move fast enough to shut gates in these few steps."""
    chosen = {
        "max_train_images": 32,
        "batch_size": 8,
        "threshold_learning_rate": 2.0,
        "warm_up": 0.5,
        **settings,
    }
    return SearchJob(
        SearchSettings(**chosen), load_platform("pixel1"), lambda_, epochs, seed, hinge_target_ms
    )


def comparable(reports: list[EpochReport]) -> list[EpochReport]:
    """The reports without what differs between equal searches: times and places."""
    return [replace(report, seconds=0.0, checkpoint=None) for report in reports]
