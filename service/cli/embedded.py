"""A service of one's own, for as long as a command needs it."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from service.cli.errors import CliError
from service.cli.settings import effective_settings

LOG_FILE = "embedded.log"
_POLL_SECONDS = 0.1
_LOG_TAIL_LINES = 15


class EmbeddedService:
    """The same server that ``spnas serve`` runs, as a child process on a free port of this machine.

    It ends with the ``with`` block, and also when this process is killed. Ctrl-C does not reach it, so the
    command decides what happens then.

    Args:
        dispatcher: Whether it runs trials. Without, it starts at once and only reads and writes the database.
        start_seconds: Longest wait from the moment that it listens until it is ready.

    Attributes:
        url: Its address, once it has started.
        log_path: What it logs.
    """

    def __init__(self, *, dispatcher: bool, start_seconds: float = 90.0) -> None:
        settings = effective_settings()
        self.url = ""
        self.log_path = settings.data_dir.resolve() / LOG_FILE
        self._stop_seconds = settings.shutdown_seconds + 10
        self._start_seconds = start_seconds
        self._environment = {
            "SPNAS_HOST": "127.0.0.1",
            "SPNAS_PORT": "0",
            "SPNAS_DISPATCHER": str(dispatcher).lower(),
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def __enter__(self) -> Self:
        """Starts it and waits until it is ready.

        Raises:
            CliError: It ended at once or did not get ready; the message shows the end of its log.
        """
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        self._process = _spawn(self._environment, self.log_path)
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Lets it wind up, and kills it if it does not."""
        self._stop()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        with process.stdout as announcement:
            self.url = announcement.readline().decode().strip()  # empty when the child has ended
        deadline = time.monotonic() + self._start_seconds
        while time.monotonic() < deadline:
            if not self.url or process.poll() is not None:
                raise CliError(f"the embedded service did not start:\n{self._log_tail()}")
            try:
                if httpx.get(f"{self.url}/readyz", timeout=5.0).is_success:
                    return
            except httpx.TransportError:
                pass  # not listening yet
            time.sleep(_POLL_SECONDS)
        raise CliError(
            f"the embedded service is not ready after {self._start_seconds:g} s:\n{self._log_tail()}"
        )

    def _log_tail(self) -> str:
        lines = self.log_path.read_bytes()[self._log_start :].decode(errors="replace").splitlines()
        return "\n".join([*lines[-_LOG_TAIL_LINES:], f"(all of it in {self.log_path})"])

    def _stop(self) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None
        self._process.stdin.close()  # the child takes this as the sign to wind up
        try:
            self._process.wait(self._stop_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _spawn(environment: Mapping[str, str], log_path: Path) -> subprocess.Popen[bytes]:
    with log_path.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "service.cli.embedded_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, **environment},
            start_new_session=True,
        )
