"""The service as its users start it: a process of its own, with the embedded engine."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from service.client import Client


class ServiceProcess:
    """`spnas serve` on a free port; the data directory outlives it.

    Args:
        data_dir: Database, checkpoints and the server's log.
        environment: More variables, such as SPNAS_DATABASE_URL.
    """

    def __init__(self, data_dir: Path, environment: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.log_path = data_dir / "serve.log"
        self._environment = dict(environment or {})
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Client | None = None

    @property
    def pid(self) -> int | None:
        """Of its process; None: it has none, or it has ended."""
        return None if self._process is None or self._process.poll() is not None else self._process.pid

    def start(self) -> Client:
        """Starts it and waits until it listens."""
        self.launch()
        self.wait_until(self.listens, "the service listens")
        self._client = Client(self.url)
        return self._client

    def launch(self) -> None:
        """Starts it and returns at once."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("SPNAS_", "RAY_"))}
        environment |= {"SPNAS_DATA_DIR": str(self.data_dir)} | self._environment
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [str(Path(sys.executable).with_name("spnas")), "serve", "--port", str(self._port)],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM, as a service manager does; returns the exit status."""
        return self._end(signal.SIGTERM)

    def wait_until(self, condition: Callable[[], bool], what: str, timeout_seconds: float = 120) -> None:
        """Waits for a condition, as long as the service lives."""
        deadline = time.monotonic() + timeout_seconds
        while not condition():
            assert self._process is not None
            assert self._process.poll() is None, f"the service ended:\n{self.log_path.read_text()[-3000:]}"
            assert time.monotonic() < deadline, (
                f"not within {timeout_seconds:g} s: {what}\n{self.log_path.read_text()[-3000:]}"
            )
            time.sleep(0.1)

    def listens(self) -> bool:
        """Whether it answers."""
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).is_success
        except httpx.TransportError:
            return False

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._client is not None:
            self._client.close()
        self._process.send_signal(number)
        status = self._process.wait(40)
        self._process = None
        return status
