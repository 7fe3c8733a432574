"""Processes that a benchmark measures, each on cores of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

_START_SECONDS = 120.0


@contextmanager
def on_cores(cores: Sequence[int]) -> Iterator[None]:
    """Has processes that are started inside run on these cores alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def split_cores() -> tuple[list[int], list[int]]:
    """One core for what is measured, and the others for what measures; with one core in all both share it."""
    first, *others = sorted(os.sched_getaffinity(0))
    return [first], others or [first]


@contextmanager
def service(data_dir: Path, cores: Sequence[int]) -> Iterator[str]:
    """The service on the database of a data directory, without a dispatcher; gives its URL."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("SPNAS_", "RAY_"))}
    environment |= {
        "SPNAS_DATA_DIR": str(data_dir),
        "SPNAS_HOST": "127.0.0.1",
        "SPNAS_PORT": "0",
        "SPNAS_DISPATCHER": "false",
    }
    with (data_dir / "service.log").open("ab") as log, on_cores(cores):
        process = subprocess.Popen(
            [sys.executable, "-m", "service.cli.embedded_server"],
            stdin=subprocess.PIPE,  # the service ends when it is closed
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
        )
    with process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        if not url:
            raise RuntimeError(f"the service did not start:\n{(data_dir / 'service.log').read_text()}")
        try:
            wait_until_ready(process, f"{url}/readyz")
            yield url
        finally:
            assert process.stdin is not None
            process.stdin.close()


def wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    """Waits until a process answers.

    Raises:
        RuntimeError: It ended, or does not answer within two minutes.
    """
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=5.0, follow_redirects=True).is_success:
                return
        except httpx.TransportError:
            pass  # not listening yet
        time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer; the status of its process: {process.poll()}")
