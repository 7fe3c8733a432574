"""What tests of the dispatcher share: they kill workers, and compare with an undisturbed run."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import ray

from nas_worker.actor import WorkerInfo
from nas_worker.job import EpochReport, SearchJob
from nas_worker.platform import load_platform
from nas_worker.search import run_search
from service.domain.errors import DatabaseUnavailableError
from service.domain.records import StudyRecord, TrialRecord
from service.domain.states import TrialState
from tests.service.dispatch.conftest import Bench


def worker_pid(bench: Bench, worker: str | None) -> int:
    """Process id of a worker."""
    assert worker is not None
    handle = ray.get_actor(worker, namespace=bench.store.dispatch.deployment_id())
    info: WorkerInfo = ray.get(handle.info.remote())  # type: ignore[assignment]  # Ray infers a list
    return info.pid


def kill_named(bench: Bench, worker: str | None) -> None:
    """Kills a worker's process."""
    os.kill(worker_pid(bench, worker), signal.SIGKILL)


@contextmanager
def connected(bench: Bench) -> Iterator[None]:
    """A connection to the bench's cluster while its dispatcher has none; Ray's guess may be another."""
    ray.init(
        address=bench.cluster.address,
        log_to_driver=False,
        configure_logging=False,
        logging_level=logging.ERROR,
    )
    yield
    ray.shutdown()


def kill_worker(bench: Bench, trial: TrialRecord) -> None:
    """Kills the process of a trial's worker."""
    kill_named(bench, trial.worker)


def recorded(bench: Bench, study: StudyRecord, number: int) -> list[tuple[float, float, float]]:
    """(cross-entropy, accuracy, runtime) of a trial's epochs, which follow each other."""
    epochs = [record.report for record in bench.store.trials.epochs(study.id, number)]
    assert [report.epoch for report in epochs] == list(range(1, len(epochs) + 1))
    return [(report.cross_entropy, report.accuracy, report.runtime_ms) for report in epochs]


def undisturbed(study: StudyRecord, trial: TrialRecord) -> list[tuple[float, float, float]]:
    """What the trial's epochs report when nothing interferes."""
    reports: list[EpochReport] = []
    platform = load_platform(study.spec.platform)
    job = SearchJob(study.spec.search, platform, trial.lambda_, trial.epochs, trial.seed)
    assert run_search(job, on_epoch=reports.append)
    return [(report.cross_entropy, report.accuracy, report.runtime_ms) for report in reports]


def assert_as_if_undisturbed(bench: Bench, study: StudyRecord) -> None:
    """All trials completed, with the epochs of an unbroken run, and the budget counts each of them once."""
    trials = bench.store.trials.history(study.id)
    for trial in trials:
        assert trial.state is TrialState.COMPLETED
        assert recorded(bench, study, trial.number) == undisturbed(study, trial)
    now = bench.store.studies.get(study.id)
    assert (now.spent_epochs, now.reserved_epochs) == (sum(trial.epochs for trial in trials), 0)
    assert now.spent_epochs <= study.spec.budget_epochs


@contextmanager
def failing_once(
    monkeypatch: pytest.MonkeyPatch, part: object, name: str, *, is_written: bool
) -> Iterator[list[str]]:
    """Lets the next call of a method of the store fail as a lost connection does; yields the failed calls."""
    method = getattr(part, name)
    failed: list[str] = []

    def call(*args: Any, **kwargs: Any) -> Any:
        if failed:
            return method(*args, **kwargs)
        failed.append(name)
        if is_written:
            method(*args, **kwargs)
        raise DatabaseUnavailableError("the connection was lost")

    with monkeypatch.context() as patch:
        patch.setattr(part, name, call)
        yield failed


def is_gone(bench: Bench, worker: str) -> bool:
    """Whether Ray knows the worker no more."""
    try:
        ray.get_actor(worker, namespace=bench.store.dispatch.deployment_id())
    except ValueError:
        return True
    return False
