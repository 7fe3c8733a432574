"""Finds the processes of a run, whoever started them: they inherit a variable of its environment."""

import os
import uuid
from pathlib import Path

_VARIABLE = "CHAOS_RUN"


def mark() -> bytes:
    """Marks this process and all that it will start; returns the mark."""
    value = uuid.uuid4().hex
    os.environ[_VARIABLE] = value  # this process itself keeps the environment that it was started with
    return f"{_VARIABLE}={value}".encode()


def marked(mark: bytes, title: bytes = b"") -> dict[int, str]:
    """Command lines by process id of live processes with a mark, and with this in their command line."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes()
            if title in command and mark in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # it has ended
    return found
