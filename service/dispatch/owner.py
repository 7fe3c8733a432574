"""Names of dispatchers, which say where each of them runs."""

import os
import socket
import uuid


def new_owner() -> str:
    """A name for a dispatcher of this process, never given before."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def live_process_of(owner: str) -> int | None:
    """Id of the process of a dispatcher that runs on this machine, or None if none such is alive here."""
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname() or not pid.isdigit():
        return None
    return int(pid) if is_alive(int(pid)) else None


def is_alive(pid: int) -> bool:
    """Whether there is a process with this id on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
