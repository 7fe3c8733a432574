"""Checkpoints of a search: written whole or not at all, and read with suspicion."""

import os
import pickle
from pathlib import Path
from typing import Any, Protocol

import torch

from nas_worker.errors import CheckpointError

_FORMAT = 1


class Resumable(Protocol):
    """What a checkpoint holds."""

    @property
    def identity(self) -> dict[str, Any]:
        """What its course depends on, as JSON values."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next epoch depends on: tensors and plain values."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over such a state."""


def checkpoint_path(folder: Path, epoch: int, attempt: int) -> Path:
    """Where the checkpoint of an epoch of an attempt lies."""
    return folder / f"epoch-{epoch}-attempt-{attempt}.pt"


def save_checkpoint(path: Path, search: Resumable, epoch: int) -> None:
    """Writes a checkpoint under another name, and renames it when it is on the disk.

    Args:
        path: Where it is to lie; folders are made.
        search: What it holds.
        epoch: The last epoch that is done.
    """
    content = {"format": _FORMAT, "identity": search.identity, "epoch": epoch, "state": search.state_dict()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_checkpoint(path: Path, search: Resumable) -> int:
    """Puts a search into the state of a checkpoint and returns the last epoch that it holds.

    Raises:
        CheckpointError: It is missing, damaged, of another format, or of another search; the state of the
            search is then undefined.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != _FORMAT:
            raise CheckpointError(f"checkpoint {path} has format {content['format']}; expected {_FORMAT}")
        _check_identity(path, content["identity"], search.identity)
        search.load_state_dict(content["state"])
        return int(content["epoch"])
    except (
        OSError,
        EOFError,
        RuntimeError,
        ValueError,
        TypeError,
        LookupError,
        pickle.UnpicklingError,
    ) as error:
        raise CheckpointError(f"checkpoint {path} cannot be read: {error}") from error


def _check_identity(path: Path, found: dict[str, Any], expected: dict[str, Any]) -> None:
    differing = [
        f"{key} is {found.get(key)!r}, not {value!r}"
        for key, value in expected.items()
        if found.get(key) != value
    ]
    if differing:
        raise CheckpointError(f"checkpoint {path} is of another search: {'; '.join(differing)}")
