"""The logs that workers keep of trials, read where this service sees their checkpoints."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from nas_worker.search_log import log_path
from nas_worker.storage import is_url
from service.dispatch.checkpoints import folder_of
from service.domain.records import TrialRecord

TAIL_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a log.

    Attributes:
        attempt: Whose log it is.
        text: Whole lines.
        is_cut: Whether there is more before them.
    """

    attempt: int
    text: str
    is_cut: bool


def tail(root: str, trial: TrialRecord) -> Tail | None:
    """The end of the log of a trial's latest attempt that has one.

    Args:
        root: Folder of all checkpoints, a path or a URL.
        trial: The trial.

    Returns:
        None where there is none: the trial has not begun or was reused, its worker ran on a machine whose
        checkpoints this one does not see, or checkpoints lie on an object store.
    """
    if is_url(root):
        return None
    for attempt in range(trial.attempt, 0, -1):
        found = _end_of(log_path(folder_of(root, trial), attempt))
        if found is not None:
            text, is_cut = found
            return Tail(attempt, text, is_cut)
    return None


def _end_of(path: Path) -> tuple[str, bool] | None:
    """The last whole lines of a regular file, which is no link; None where there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        begin = max(0, status.st_size - TAIL_BYTES)
        content = os.pread(descriptor, TAIL_BYTES, begin)
    finally:
        os.close(descriptor)
    if begin:
        content = content.partition(b"\n")[2]
    return content.decode("utf-8", "replace"), begin > 0
