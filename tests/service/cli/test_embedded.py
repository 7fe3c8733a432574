import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from service.cli.connection import listening_here
from service.cli.embedded import EmbeddedService
from service.cli.errors import CliError
from tests.service.cli.conftest import run_cli
from tests.service.live import Live


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    """Nothing listens by default, and data go to an empty folder."""
    return {"SPNAS_DATA_DIR": str(tmp_path / "data"), "SPNAS_PORT": "0"}


def test_studies_are_kept_between_commands_without_a_service(environment: Mapping[str, str]) -> None:
    created = run_cli(["study", "create", "--target", "80", "--no-watch"], env=dict(environment))
    assert created.exit_code == 0, created.output
    study_id = created.stdout.strip()
    assert "spnas serve" in created.stderr
    listed = run_cli(["study", "list", "--json"], env=dict(environment))
    assert [study["id"] for study in json.loads(listed.stdout)["studies"]] == [study_id]
    assert listed.stderr == ""


def test_a_service_that_listens_is_used(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPNAS_PORT", live.base_url.rpartition(":")[2])
    assert listening_here() == live.base_url
    listed = run_cli(["study", "list"], env={})
    assert listed.exit_code == 0


def test_another_program_on_the_port_is_not_taken_for_the_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    line = [
        sys.executable,
        "-u",
        "-m",
        "http.server",
        "0",
        "--bind",
        "127.0.0.1",
        "--directory",
        str(tmp_path),
    ]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        port = server.stdout.readline().split()[5]
        monkeypatch.setenv("SPNAS_PORT", port)
        assert listening_here() is None
        server.terminate()


def test_a_service_that_cannot_start_shows_why(
    environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SPNAS_DATABASE_URL", "nonsense://nowhere")
    with pytest.raises(CliError, match="database_url"), EmbeddedService(dispatcher=False):
        pass


def test_it_ends_with_the_block(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with EmbeddedService(dispatcher=False) as service:
        assert httpx.get(f"{service.url}/healthz").is_success
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{service.url}/healthz")


def test_it_outlives_ctrl_c_and_ends_with_a_killed_command(environment: Mapping[str, str]) -> None:
    script = (
        "import signal, sys; from service.cli.embedded import EmbeddedService\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "with EmbeddedService(dispatcher=False) as service:\n"
        "    print(service.url, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
        start_new_session=True,
    ) as command:
        assert command.stdout is not None
        url = command.stdout.readline().decode().strip()
        os.killpg(command.pid, signal.SIGINT)
        time.sleep(0.5)
        assert httpx.get(f"{url}/healthz").is_success
        command.send_signal(signal.SIGKILL)
    wait_until_gone(url)


def wait_until_gone(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/healthz")
        except httpx.TransportError:
            return
        time.sleep(0.1)
    pytest.fail(f"{url} still answers")
