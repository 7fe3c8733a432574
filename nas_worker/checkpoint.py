"""Checkpoints of a search: written whole or not at all, and read with suspicion."""

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any, Protocol

import torch

from nas_worker.errors import CheckpointError, OtherRunError
from nas_worker.storage import storage_of

_FORMAT = 1
_DIGEST_BYTES = hashlib.sha256().digest_size
"""A file is the SHA-256 of what follows, then a torch file. Torch itself does not notice flipped bits."""


class Resumable(Protocol):
    """What a checkpoint holds."""

    @property
    def identity(self) -> dict[str, Any]:
        """What its course depends on, as JSON values."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next epoch depends on: tensors and plain values."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over such a state."""


def checkpoint_name(epoch: int, attempt: int) -> str:
    """Name of the checkpoint of an epoch of an attempt."""
    return f"epoch-{epoch}-attempt-{attempt}.pt"


def checkpoint_path(folder: Path, epoch: int, attempt: int) -> Path:
    """Where the checkpoint of an epoch of an attempt lies in a folder of this machine."""
    return folder / checkpoint_name(epoch, attempt)


def save_checkpoint(path: str | Path, search: Resumable, epoch: int) -> None:
    """Writes a checkpoint whole or not at all.

    Args:
        path: Where it is to lie, also a URL, see :mod:`nas_worker.storage`; folders are made.
        search: What it holds.
        epoch: The last epoch that is done.

    Raises:
        OSError: It cannot be written.
    """
    content = {"format": _FORMAT, "identity": search.identity, "epoch": epoch, "state": search.state_dict()}
    buffer = io.BytesIO()
    torch.save(content, buffer)
    storage_of(path).write(str(path), hashlib.sha256(buffer.getbuffer()).digest(), buffer.getbuffer())


def load_checkpoint(path: str | Path, search: Resumable, kind: str = "search") -> int:
    """Puts a search into the state of a checkpoint and returns the last epoch that it holds.

    Args:
        path: Where it lies, also a URL.
        search: Takes over its state.
        kind: What the search is called in errors.

    Raises:
        CheckpointError: It is missing, damaged or of another format; the state of the search is then
            undefined.
        OtherRunError: It is of another search, whose state is left alone.
    """
    content = read_checkpoint(path)
    _check_identity(path, content["identity"], search.identity, kind)
    try:
        search.load_state_dict(content["state"])
    except (RuntimeError, ValueError, LookupError) as error:  # of a version whose network was another
        raise CheckpointError(f"checkpoint {path} does not fit this version: {error}") from error
    return int(content["epoch"])


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """What a checkpoint holds: ``format``, ``identity``, ``epoch`` and ``state`` of a :class:`Resumable`.

    Raises:
        CheckpointError: It is missing, damaged or of another format.
    """
    try:
        raw = storage_of(path).read(str(path))
    except OSError as error:
        raise CheckpointError(f"checkpoint {path} cannot be read: {error.strerror or error}") from error
    digest, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        raise CheckpointError(f"checkpoint {path} is damaged: its digest does not match its {len(raw)} bytes")
    try:
        content: dict[str, Any] = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"checkpoint {path} holds more than tensors and plain values") from error
    if content.get("format") != _FORMAT:
        raise CheckpointError(f"checkpoint {path} has format {content.get('format')}; expected {_FORMAT}")
    return content


def _check_identity(path: str | Path, found: dict[str, Any], expected: dict[str, Any], kind: str) -> None:
    differing = [
        f"{key} is {found.get(key)!r}, not {value!r}"
        for key, value in expected.items()
        if found.get(key) != value
    ]
    if differing:
        raise OtherRunError(f"checkpoint {path} is of another {kind}: {'; '.join(differing)}")
