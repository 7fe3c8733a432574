"""The commands of the compose file, run as they are written but for addresses: a study completes.

Containers, the proxy and PostgreSQL's image are left out: there is no engine on a developer's machine. All
services are processes of this machine here, which has one address, so there is one replica.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from service.client import Client
from service.domain.spec import StudySpec
from service.domain.states import StudyState
from tests.chaos import processes
from tests.docker.containers import HEAD_PORT, ROOT, Container, compose_container

pytestmark = pytest.mark.slow

_PATIENCE_SECONDS = 180.0
_TOKEN = "a-token-of-this-test-that-is-long-enough"


class Machine:
    """Stands for the machine that the containers run on.

    Args:
        folder: For logs, the shared volume, and Ray's sessions.
        database_url: Of an empty PostgreSQL.
    """

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder = folder
        self.service_port = _free_port()
        self._addresses = {
            f"ray-head:{HEAD_PORT}": f"127.0.0.1:{_free_port()}",
            "/var/lib/spnas": str(folder / "volume"),
            "127.0.0.1:8080": f"127.0.0.1:{self.service_port}",
            "/tmp/ray": str(folder / "ray"),
        }
        self._own = {
            "SPNAS_DATABASE_URL": database_url,
            "SPNAS_PORT": str(self.service_port),
            "RAY_AUTH_TOKEN": _TOKEN,
            "PATH": f"{Path(sys.executable).parent}:{ROOT / 'docker'}:{os.environ['PATH']}",
            "HOME": str(folder),  # no token lies there
            "RAY_TMPDIR": str(folder),  # so nobody takes this for the machine's cluster
        }

    def run(self, name: str) -> None:
        """Runs a container that ends by itself."""
        container = compose_container(name)
        subprocess.run(
            self._argv(container.argv), env=self._environment(container), cwd=self._folder, check=True
        )

    @contextmanager
    def running(self, name: str) -> Iterator[Container]:
        """Starts a container, waits until it is healthy, and ends it with SIGTERM."""
        container = compose_container(name)
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                self._argv(container.argv),
                env=self._environment(container),
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        try:
            log_path = self._folder / f"{name}.log"
            _wait_until(lambda: self._is_healthy(container, log_path), name, process, log_path)
            yield container
        finally:
            process.terminate()
            process.wait(60)

    def _is_healthy(self, container: Container, log: Path) -> bool:
        if container.argv[0] == "ray" and "Ray runtime started" not in log.read_text():
            return False  # nodes share /tmp here, and two that start at once take each other's names
        check = subprocess.run(
            self._argv(container.check),
            env=self._environment(container),
            cwd=self._folder,
            capture_output=True,
            check=False,
        )
        return check.returncode == 0

    def _argv(self, argv: tuple[str, ...]) -> list[str]:
        port = self._addresses[f"ray-head:{HEAD_PORT}"].rpartition(":")[2]
        return [self._here(each).replace(f"--port={HEAD_PORT}", f"--port={port}") for each in argv]

    def _environment(self, container: Container) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("SPNAS_", "RAY_"))}
        written = {name: self._here(value) for name, value in container.environment.items()}
        return {**inherited, **written, **{k: v for k, v in self._own.items() if k in written or k in _OURS}}

    def _here(self, text: str) -> str:
        for there, here in self._addresses.items():
            text = text.replace(there, here)
        return text


_OURS = ("PATH", "HOME", "RAY_TMPDIR", "SPNAS_PORT")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until(
    condition: Callable[[], bool], name: str, process: subprocess.Popen[bytes], log: Path
) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert process.poll() is None, f"{name} ended with {process.returncode}:\n{log.read_text()[-3000:]}"
        assert time.monotonic() < deadline, f"{name} is not healthy:\n{log.read_text()[-3000:]}"
        time.sleep(0.5)


def _end_all(mark: bytes) -> None:
    """Ends the node beside the service, which ends with its container where there is one."""
    for pid in processes.marked(mark):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_the_commands_of_the_compose_file_make_a_deployment(postgres_url: str) -> None:
    mark = processes.mark()
    folder = Path(tempfile.mkdtemp(prefix="spnas-compose-"))
    machine = Machine(folder, postgres_url)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(_end_all, mark)
        machine.run("migrate")
        for name in ("ray-head", "ray-worker", "service-a"):
            stack.enter_context(machine.running(name))
        with Client(f"http://127.0.0.1:{machine.service_port}") as client:
            spec = {
                "target_runtime_ms": 80,
                "solver": {"kind": "random"},
                "epochs": {"min": 1, "max": 1},
                "budget_epochs": 2,
                "search": {"max_train_images": 64},
                "reuse_trials": False,
            }
            created = client.create_study(StudySpec.model_validate(spec))
            study = client.wait(created.id, timeout_seconds=_PATIENCE_SECONDS)
            assert (study.state, study.error, study.spent_epochs) == (StudyState.COMPLETED, None, 2)
        kept = [*(folder / "volume/checkpoints" / study.id).rglob("epoch-1-attempt-1.pt")]
        assert len(kept) == 2
