"""Runs a NAS search epoch by epoch: trains, evaluates, keeps a checkpoint, reports."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from nas_worker.checkpoint import checkpoint_name, load_checkpoint, save_checkpoint
from nas_worker.errors import StorageError
from nas_worker.formulations import new_search
from nas_worker.formulations.base import Search
from nas_worker.job import EpochReport, SearchJob
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.sources.confinement import UNCONFINED, Confinement
from nas_worker.storage import join

_MARGIN_DIGITS = 4


def run_search(
    job: SearchJob,
    *,
    on_epoch: Callable[[EpochReport], None],
    should_stop: Callable[[], bool] = lambda: False,
    checkpoint_dir: str | Path | None = None,
    attempt: int = 1,
    resume_from: str | None = None,
    threads: int = 1,
    confinement: Confinement = UNCONFINED,
) -> bool:
    """Runs a search, or what is left of it.

    The same job gives the same reports, resumed or not; for an equal number of threads, on one CPU to the
    last bit. The global random state is left alone.

    Args:
        job: What is searched.
        on_epoch: Called at the end of each epoch, when its checkpoint is on the disk.
        should_stop: Asked before each step.
        checkpoint_dir: Folder for ``epoch-E-attempt-A.pt``, also a URL; None keeps no checkpoints.
        attempt: Number in the names of the checkpoints, so that a worker that was given up spoils none.
        resume_from: A checkpoint of the same job; the epochs that it holds are not repeated.
        threads: Torch's threads, and those that decode images, while the search is set up and runs.
        confinement: Which files the data set may lie in.

    Returns:
        Whether the search is complete; False when it was told to stop.

    Raises:
        DivergedError: The loss or the network is no longer finite.
        CheckpointError: ``resume_from`` is damaged or belongs to another search. Nothing has been done.
        SearchError: The settings do not fit the data set, or the job its formulation.
        StorageError: A checkpoint cannot be written.
        DatasetError: The data set, or one of its images, cannot be read.
        UnknownNameError: There is no such data set.
    """
    with torch_threads(threads):
        search = new_search(job, confinement)
        done = load_checkpoint(resume_from, search) if resume_from is not None else 0
    for epoch in range(done + 1, job.epochs + 1):
        location = None if checkpoint_dir is None else join(checkpoint_dir, checkpoint_name(epoch, attempt))
        report = _epoch(search, job, epoch, should_stop=should_stop, threads=threads, checkpoint=location)
        if report is None:
            return False
        on_epoch(report)
    return True


def _epoch(
    search: Search,
    job: SearchJob,
    epoch: int,
    *,
    should_stop: Callable[[], bool],
    threads: int,
    checkpoint: str | None,
) -> EpochReport | None:
    """Trains, evaluates and keeps the checkpoint; None when it was told to stop."""
    started = time.perf_counter()
    with torch_settings(threads):
        cross_entropy = search.train(epoch, should_stop)
        if cross_entropy is None:
            return None
        accuracy, architecture = search.evaluate(epoch)
    if checkpoint is not None:
        _save(checkpoint, search, epoch)
    return EpochReport(
        epoch=epoch,
        cross_entropy=cross_entropy,
        accuracy=accuracy,
        runtime_ms=architecture_runtime_ms(job.platform, architecture),
        seconds=time.perf_counter() - started,
        architecture=architecture.format(),
        checkpoint=checkpoint,
        gate_margins=_rows(search.gate_margins()),
    )


def _rows(margins: Tensor | None) -> tuple[tuple[float, ...], ...] | None:
    if margins is None:
        return None
    return tuple(tuple(round(value, _MARGIN_DIGITS) for value in row) for row in margins.tolist())


def _save(location: str, search: Search, epoch: int) -> None:
    try:
        save_checkpoint(location, search, epoch)
    except OSError as error:
        raise StorageError(f"checkpoint {location} cannot be written: {error.strerror or error}") from error


@contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """Torch with so many threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def torch_settings(threads: int) -> Iterator[None]:
    """Torch as a search needs it, put back afterwards."""
    with torch_threads(threads):
        # Momenta of weights whose gates are shut decay to denormal numbers, which slow a CPU down a lot.
        torch.set_flush_denormal(True)
        try:
            yield
        finally:
            torch.set_flush_denormal(False)
