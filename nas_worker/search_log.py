"""The log of a search: a short file beside its checkpoints, one for each attempt."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

MAX_BYTES = 256 * 1024
"""A longer file begins anew; its last part is kept beside it, under the same name and ``.1``."""

_PACKAGE = logging.getLogger("nas_worker")


def log_path(folder: str | Path, attempt: int) -> Path:
    """Where the log of an attempt lies, in the folder of its trial's checkpoints."""
    return Path(folder, f"log-attempt-{attempt}.txt")


@contextmanager
def kept_log(path: Path) -> Iterator[None]:
    """Writes what this thread logs to a file: this package's messages, and warnings of others.

    A file that cannot be written, as on a full disk, or whose folder cannot be made, is no reason to end a
    search: logging says so on stderr.

    Args:
        path: The file; its folder is made.
    """
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8", delay=True)
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    thread = threading.get_ident()

    def is_kept(record: logging.LogRecord) -> bool:
        is_ours = record.name.partition(".")[0] == _PACKAGE.name
        return record.thread == thread and (is_ours or record.levelno >= logging.WARNING)

    handler.addFilter(is_kept)
    root, level = logging.getLogger(), _PACKAGE.level
    root.addHandler(handler)
    _PACKAGE.setLevel(logging.INFO)
    try:
        yield
    finally:
        _PACKAGE.setLevel(level)
        root.removeHandler(handler)
        handler.close()
