"""How a training goes, and what it came to."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from nas_worker.platform import Platform
from nas_worker.space import Architecture
from nas_worker.training.report import Accuracy, TrainedEpoch, TrainingReport
from nas_worker.training.settings import TrainSettings
from service.cli.console import say
from service.cli.render.numbers import duration, milliseconds, share
from service.cli.render.table import fields

if TYPE_CHECKING:
    import torch

_STEP_SECONDS = 30


class TrainingProgress:
    """Says how a training goes: a line for each epoch, and one every half minute in a long one.

    Args:
        settings: Those of the training.
        folder: Where it keeps its checkpoints.

    Attributes:
        done: Epochs that are kept in the folder; None: not known yet.
    """

    def __init__(self, settings: TrainSettings, folder: Path) -> None:
        self._epochs = settings.epochs
        self._folder = folder
        self._steps = 0
        self._said_at = time.monotonic()
        self.done: int | None = None

    def started(self, done: int, steps: int) -> None:
        """Says where it begins: after ``done`` epochs, each of so many steps."""
        self.done, self._steps = done, steps
        if done:
            say(f"{self._folder}: goes on after epoch {done} of {self._epochs}")
        else:
            say(f"{self._folder}: {self._epochs} epochs of {steps} steps")

    def stepped(self, epoch: int, step: int, loss: "torch.Tensor") -> None:
        """Says which step it is at, if nothing has been said for long."""
        if time.monotonic() - self._said_at > _STEP_SECONDS:
            self._said_at = time.monotonic()
            say(f"epoch {epoch}/{self._epochs}: step {step} of {self._steps}, loss {loss.item():.3f}")

    def ended(self, report: TrainedEpoch) -> None:
        """Says what an epoch came to."""
        self.done, self._said_at = report.epoch, time.monotonic()
        say(
            f"epoch {report.epoch}/{self._epochs}: validation {_accuracy(report.validation)}, "
            f"loss {report.loss:.3f}, {report.images_per_second:.0f} images/s, {duration(report.seconds)}"
        )


def training_details(
    name: str,
    architecture: Architecture | None,
    settings: TrainSettings,
    report: TrainingReport,
    table: Platform | None,
) -> Table:
    """Size, accuracy and, where there is a latency table, the runtime of a ConvNet that was trained."""
    from nas_worker.runtime import architecture_runtime_ms  # noqa: PLC0415 - torch takes seconds to import

    rows = {
        "network": f"{name}, width {settings.width:g}, {report.parameters / 1e6:.2f} M parameters",
        "test": _accuracy(report.test),
        "validation": _accuracy(report.epochs[-1].validation),
        "weights": report.weights,
    }
    if architecture is not None and table is not None:
        runtime_ms = architecture_runtime_ms(table, architecture)
        rows["runtime"] = f"{milliseconds(runtime_ms)} ms on {table.name}, at full size"
    return fields(**rows)


def _accuracy(accuracy: Accuracy) -> str:
    top5 = "" if accuracy.top5 is None else f", top-5 {share(accuracy.top5)}"
    return f"top-1 {share(accuracy.top1)}{top5}"
