"""Runs a training in a folder, where the same call goes on with it."""

import io
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tensorboardX import SummaryWriter
from torch import Tensor

from nas_worker.atomic import write_bytes, write_text
from nas_worker.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from nas_worker.convnet import ConvNet
from nas_worker.errors import CheckpointError, OtherRunError, SearchError
from nas_worker.export.document import ArchitectureDocument
from nas_worker.search import torch_settings, torch_threads
from nas_worker.space import Architecture
from nas_worker.training.report import TrainedEpoch, TrainingReport
from nas_worker.training.settings import TrainSettings
from nas_worker.training.trainer import Trainer

WEIGHTS, DOCUMENT, REPORT = "weights.pt", "net.json", "report.json"
"""Files in the folder when the training is complete."""
_CHECKPOINT = re.compile(r"epoch-(\d+)-attempt-1\.pt")
_KEPT_CHECKPOINTS = 2


@dataclass(frozen=True)
class Observer:
    """What is called along a training.

    Attributes:
        on_start: With the epochs that are done already, and the steps of an epoch.
        on_step: With epoch, step in it (both from 1) and loss, after each step.
        on_epoch: At the end of an epoch, when its checkpoint is on the disk.
        on_warning: With a line that the user should see.
    """

    on_start: Callable[[int, int], None] = lambda _, __: None
    on_step: Callable[[int, int, Tensor], None] = lambda _, __, ___: None
    on_epoch: Callable[[TrainedEpoch], None] = lambda _: None
    on_warning: Callable[[str], None] = lambda _: None


class _Run:
    """A trainer with the epochs that it has behind it; what a checkpoint holds."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.epochs: list[TrainedEpoch] = []

    @property
    def identity(self) -> dict[str, Any]:
        return self.trainer.identity

    def state_dict(self) -> dict[str, Any]:
        return {**self.trainer.state_dict(), "epochs": [epoch.model_dump() for epoch in self.epochs]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state)
        self.epochs = [TrainedEpoch.model_validate(epoch) for epoch in state["epochs"]]


def run_training(
    architecture: Architecture | None,
    settings: TrainSettings,
    folder: Path,
    *,
    device: torch.device,
    threads: int,
    observer: Observer,
) -> TrainingReport:
    """Trains a ConvNet, or goes on with the training of the folder.

    For an equal number of threads both end equal on a CPU to the last bit.

    Args:
        architecture: The ConvNet; None for MobileNetV2.
        settings: How it is trained.
        folder: For the two newest checkpoints, TensorBoard's events and, at the end, the averaged weights,
            the architecture and the report. Made if need be.
        device: Where it is trained.
        threads: Torch's threads, and those that decode images, from reading the data set on.
        observer: Is told what happens.

    Returns:
        The whole training, the epochs of earlier calls included.

    Raises:
        OtherRunError: The folder has another training; nothing in it has changed.
        DivergedError: The loss is no longer finite.
        SearchError: The data set cannot be had or does not fit, or a file cannot be written.
        UnknownNameError: There is no such data set.
    """

    def new_run() -> _Run:
        return _Run(Trainer(architecture, settings, device))

    with torch_threads(threads):
        run, done = _resumed(new_run, folder, observer.on_warning)
    with torch_settings(threads), _writing_in(folder):
        folder.mkdir(parents=True, exist_ok=True)
        observer.on_start(done, run.trainer.steps_per_epoch)
        _train(run, done, settings, folder, observer)
        return _finished(run, folder)


def _train(run: _Run, done: int, settings: TrainSettings, folder: Path, observer: Observer) -> None:
    """Runs the epochs that are not done yet, and keeps the two newest checkpoints."""
    with SummaryWriter(str(folder), purge_step=done + 1) as writer:
        for epoch in range(done + 1, settings.epochs + 1):
            report = _epoch(run, epoch, settings, observer)
            run.epochs.append(report)
            save_checkpoint(checkpoint_path(folder, epoch, attempt=1), run, epoch)
            for old, path in _checkpoints(folder):
                if old <= epoch - _KEPT_CHECKPOINTS:
                    path.unlink(missing_ok=True)
            _log(writer, report)
            observer.on_epoch(report)


def _resumed(
    new_run: Callable[[], _Run], folder: Path, on_warning: Callable[[str], None]
) -> tuple[_Run, int]:
    """A run in the state of the newest checkpoint that is sound, and its epoch; without one a new run, 0."""
    run = new_run()
    for _, path in _checkpoints(folder):
        try:
            return run, load_checkpoint(path, run, kind="training")
        except OtherRunError:
            raise
        except CheckpointError as error:
            on_warning(f"{error}; an earlier one is tried")
            run = new_run()  # the other one may have taken over half of the checkpoint
    return run, 0


def _checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """Epoch and path of the checkpoints, the newest first; none where there is no folder."""
    found = ((_CHECKPOINT.fullmatch(path.name), path) for path in folder.glob("epoch-*"))
    return sorted(((int(match[1]), path) for match, path in found if match), reverse=True)


def _epoch(run: _Run, epoch: int, settings: TrainSettings, observer: Observer) -> TrainedEpoch:
    started = time.perf_counter()
    trainer = run.trainer
    loss = trainer.train(epoch, lambda step, loss: observer.on_step(epoch, step, loss))
    trained = time.perf_counter()
    validation = trainer.validate()
    return TrainedEpoch(
        epoch=epoch,
        loss=loss,
        learning_rate=trainer.learning_rate(epoch * trainer.steps_per_epoch - 1),
        validation=validation,
        seconds=time.perf_counter() - started,
        images_per_second=trainer.steps_per_epoch * settings.batch_size / (trained - started),
    )


def _log(writer: SummaryWriter, report: TrainedEpoch) -> None:
    values = {
        "train/loss": report.loss,
        "train/learning_rate": report.learning_rate,
        "train/images_per_second": report.images_per_second,
        "validation/top1": report.validation.top1,
        "validation/top5": report.validation.top5,
    }
    for name, value in values.items():
        if value is not None:
            writer.add_scalar(name, value, report.epoch)
    writer.flush()


def _finished(run: _Run, folder: Path) -> TrainingReport:
    """Tests the average and writes the files of a complete training."""
    network = run.trainer.average
    state = {name: value.cpu().contiguous() for name, value in network.state_dict().items()}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(folder / WEIGHTS, buffer.getbuffer())
    document = None
    if isinstance(network, ConvNet):
        document = folder / DOCUMENT
        described = ArchitectureDocument.of(network.architecture, network.macro)
        write_text(document, described.to_json())
    report = TrainingReport(
        epochs=tuple(run.epochs),
        test=run.trainer.test(),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        mean=run.trainer.sources.mean,
        scale=run.trainer.sources.scale,
        weights=str(folder / WEIGHTS),
        document=None if document is None else str(document),
    )
    write_text(folder / REPORT, report.model_dump_json(indent=1))
    return report


@contextmanager
def _writing_in(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        name = error.filename or folder
        raise SearchError(
            f"{name} cannot be written: {error.strerror}; "
            f"the epochs whose checkpoints are in {folder} are kept, and the same command goes on after them"
        ) from error
