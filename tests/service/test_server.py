import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from service.db.store import Store
from service.domain.access import Scope
from service.domain.errors import InvalidFieldError, LeaseHeldError
from service.server import base_url, bind, check_alone, check_exposure, serve
from service.settings import Settings

PROGRAM = """
from service.server import serve
from service.settings import Settings
serve(Settings(dispatcher=False, port=0), on_listening=lambda url: print(url, flush=True))
print("done", flush=True)
"""


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_no_log_in(store: Store, host: str) -> None:
    check_exposure(Settings(host=host), store)
    assert not Settings(host=host).needs_token


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_other_addresses_need_tokens_or_insecure(store: Store, host: str) -> None:
    with pytest.raises(InvalidFieldError, match="spnas token create") as caught:
        check_exposure(Settings(host=host), store)
    assert caught.value.field == "host"
    check_exposure(Settings(host=host, insecure=True), store)
    record, _ = store.tokens.create("me", Scope.ADMIN)
    check_exposure(Settings(host=host), store)
    assert Settings(host=host).needs_token
    with pytest.raises(InvalidFieldError, match="SPNAS_REQUIRE_TOKEN"):
        check_exposure(Settings(host=host, require_token=False), store)
    store.tokens.revoke(record.id)
    with pytest.raises(InvalidFieldError, match="no valid access token"):
        check_exposure(Settings(host=host), store)


def holder_of(store: Store, process: int | str, host: str = socket.gethostname()) -> None:
    assert store.dispatch.acquire_lease(f"{host}:{process}:abcd", 60) is not None


def test_sqlite_takes_one_service_that_runs_trials(store: Store) -> None:
    settings = Settings(database_url="sqlite:///spnas.db")
    check_alone(settings, store)
    holder_of(store, os.getpid())
    with pytest.raises(
        LeaseHeldError, match=rf"process {os.getpid()}, runs trials on sqlite:.*--no-dispatcher"
    ):
        check_alone(settings, store)
    check_alone(Settings(database_url="sqlite:///spnas.db", dispatcher=False), store)
    check_alone(Settings(database_url="postgresql://db/spnas"), store)


@pytest.mark.parametrize("holder", ["dead", "elsewhere", "nobody's"])
def test_a_lease_that_nobody_here_uses_is_no_reason(store: Store, holder: str) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    match holder:
        case "dead":
            holder_of(store, ended.pid)
        case "elsewhere":
            holder_of(store, os.getpid(), host="another-machine")
        case _:
            holder_of(store, "none")
    check_alone(Settings(database_url="sqlite:///spnas.db"), store)


def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InvalidFieldError, match=f"cannot listen on 127.0.0.1 port {port}"):
            serve(Settings(port=port, data_dir=tmp_path, dispatcher=False))
    assert not any(tmp_path.iterdir())


def test_the_url_of_a_socket() -> None:
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        assert base_url(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_answers_are_sent_at_once() -> None:
    """Nagle's algorithm and the client's delayed acknowledgement would hold each body back for 40 ms."""

    async def is_nodelay() -> bool:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            accepted.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listener = bind(Settings(port=0))
        async with await asyncio.start_server(accept, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            nodelay = await accepted
            writer.close()
            return bool(nodelay)

    assert asyncio.run(is_nodelay())


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_in_good_order(tmp_path: Path, signal_number: int) -> None:
    environment = {**os.environ, "SPNAS_DATA_DIR": str(tmp_path / "data")}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert httpx.get(f"{url}/healthz").status_code == 200
        study_id = httpx.post(f"{url}/v1/studies", json={"target_runtime_ms": 80}).json()["id"]
        with httpx.stream("GET", f"{url}/v1/studies/{study_id}/events") as events:
            lines = events.iter_lines()
            assert next(lines).startswith("data:")
            started = time.monotonic()
            process.send_signal(signal_number)
            rest = process.stdout.read()
            assert list(lines)[-1] == ""  # the stream has come to an end
    assert time.monotonic() - started < 10
    if signal_number == signal.SIGINT:
        assert (process.returncode, rest) == (0, "done\n")
    else:
        assert (process.returncode, rest) == (-signal.SIGTERM, "")
    # SQLite removes the journal when the last connection is closed, and so when the lifespan came to its end.
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["spnas.db"]
