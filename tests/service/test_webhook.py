"""Real requests to a real receiver on this machine; the outbox on both databases."""

import base64
import contextlib
import hashlib
import hmac
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.db.store import Store
from service.domain.signing import key_of, signed_headers
from service.domain.states import StudyState
from service.settings import Settings
from service.webhook import WebhookSender, WebhookSettings
from tests.service import searches
from tests.service.db.helpers import new_study

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """Keeps what it is sent, and answers with the statuses in turn; the last one from then on."""

    def __init__(self, statuses: list[int]) -> None:
        self.statuses = statuses
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.url = ""


@contextmanager
def receiver(*statuses: int) -> Iterator[Receiver]:
    kept = Receiver([*statuses])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            kept.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(kept.statuses.pop(0) if len(kept.statuses) > 1 else kept.statuses[0])
            self.send_header("location", kept.url + "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()


@contextmanager
def sender(store: Store, url: str, **fields: Any) -> Iterator[WebhookSender]:
    values: dict[str, Any] = {"allow_private": True, "retry_seconds": (0.0, 0.0), "poll_seconds": 0.02}
    running = WebhookSender(store, WebhookSettings(url=url, key=KEY, **{**values, **fields}))
    running.start()
    yield running
    running.stop(10)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def notifying(store: Store) -> Store:
    return Store(store._database.engine, notifies=True)


def ended_study(store: Store, state: StudyState = StudyState.COMPLETED) -> str:
    study = new_study(store, name="phöne")
    searches.finished_trial(store, study.id)
    error = "why" if state is StudyState.FAILED else None
    assert store.dispatch.finish_study(searches.lease(store), study.id, state, error)
    return study.id


def told(store: Store, study_id: str) -> list[str | None]:
    return [e.detail for e in store.events.list(study_id).items if e.kind == "webhook"]


def test_a_completed_study_is_told_once_and_signed(notifying: Store) -> None:
    with receiver(204) as there, sender(notifying, there.url + "/hook"):
        study_id = ended_study(notifying)
        wait_until(lambda: told(notifying, study_id) != [])
        time.sleep(0.2)
    ((headers, body),) = there.received
    message = json.loads(body)
    assert message["type"] == "study.completed"
    assert (message["data"]["id"], message["data"]["name"]) == (study_id, "phöne")
    assert message["data"]["best"]["accuracy"] == 0.9
    assert message["data"]["spent_epochs"] == 8
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
    assert headers["host"] == there.url.removeprefix("http://")
    assert told(notifying, study_id) == ["delivered at try 1"]


def test_a_failed_study_is_told_and_a_cancelled_one_is_not(notifying: Store) -> None:
    ended_study(notifying, StudyState.CANCELLED)
    ended_study(notifying, StudyState.FAILED)
    delivery = notifying.webhooks.claim(60)
    assert delivery is not None
    message = json.loads(delivery.body)
    assert (message["type"], message["data"]["error"]) == ("study.failed", "why")
    assert notifying.webhooks.claim(60) is None


def test_what_a_dead_process_had_claimed_is_sent_by_the_next(notifying: Store) -> None:
    study_id = ended_study(notifying)
    assert notifying.webhooks.claim(0.0) is not None  # and then the process died
    with receiver(200) as there, sender(notifying, there.url):
        wait_until(lambda: told(notifying, study_id) == ["delivered at try 2"])


@pytest.mark.parametrize("status", [500, 302, 404])
def test_an_answer_that_is_no_success_is_tried_again_and_no_redirect_followed(
    notifying: Store, status: int
) -> None:
    study_id = ended_study(notifying)
    with receiver(status, status, 200) as there, sender(notifying, there.url):
        wait_until(lambda: told(notifying, study_id) == ["delivered at try 3"])
    assert len({headers["webhook-id"] for headers, _ in there.received}) == 1


def test_it_is_given_up_in_the_end(notifying: Store) -> None:
    study_id = ended_study(notifying)
    with receiver(503) as there, sender(notifying, there.url):
        wait_until(lambda: told(notifying, study_id) == ["given up after 3 tries: localhost answered 503"])
    assert len(there.received) == 3
    assert notifying.webhooks.claim(60) is None


def test_private_addresses_are_refused_unless_allowed(notifying: Store) -> None:
    study_id = ended_study(notifying)
    with receiver(200) as there, sender(notifying, there.url, allow_private=False):
        wait_until(lambda: told(notifying, study_id) != [])
    assert there.received == []
    assert "not a public address" in (told(notifying, study_id)[0] or "")


@pytest.mark.parametrize(
    "host",
    [
        "10.1.2.3",
        "169.254.169.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a00:1::]",
        "[fec0::1]",
    ],
)
def test_no_address_of_a_private_kind_passes(notifying: Store, host: str) -> None:
    study_id = ended_study(notifying)
    with sender(notifying, f"http://{host}:9", allow_private=False, retry_seconds=()):
        wait_until(lambda: told(notifying, study_id) != [])
    assert "not a public address" in (told(notifying, study_id)[0] or "")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks..example.com/x",
        f"https://{'a' * 64}.example.com/x",
        "http://",
        "http://localhost:70000/",
        "nonsense",
    ],
)
def test_a_receiver_that_cannot_be_ends_the_try_and_not_the_thread(notifying: Store, url: str) -> None:
    studies = [ended_study(notifying), ended_study(notifying)]
    with sender(notifying, url, retry_seconds=()) as running:
        for study_id in studies:
            wait_until(lambda study_id=study_id: told(notifying, study_id) != [])  # type: ignore[misc]
            assert (told(notifying, study_id)[0] or "").startswith("given up after 1 tries: ")
        assert running.is_running
    assert not running.is_running


@pytest.mark.parametrize("method", ["_send", "_send_next"])
def test_a_fault_of_any_kind_is_got_over(
    notifying: Store, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    study_id, faults = ended_study(notifying), [RuntimeError("unheard of")]
    whole = getattr(WebhookSender, method)

    def faulty(*args: Any) -> Any:
        if faults:
            raise faults.pop()
        return whole(*args)

    monkeypatch.setattr(WebhookSender, method, faulty)
    with receiver(200) as there, sender(notifying, there.url) as running:
        wait_until(lambda: told(notifying, study_id) != [])
        assert running.is_running
    assert (faults, len(there.received)) == ([], 1)


def test_a_receiver_that_drips_is_left_in_time(notifying: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):  # until it is left
                for byte in b"HTTP/1.1 200 OK\r\nx-long: " + b"x" * 1000:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        study_id = ended_study(notifying)
        url = f"http://localhost:{server.getsockname()[1]}"
        with sender(notifying, url, retry_seconds=(), try_seconds=0.5):
            wait_until(lambda: told(notifying, study_id) != [])
    assert told(notifying, study_id) == ["given up after 1 tries: localhost did not answer within 0.5 s"]


def test_the_next_address_is_used_where_one_takes_no_connection(
    notifying: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver(200) as there:
        address_lookup = socket.getaddrinfo

        def lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
            if host != "localhost":
                return address_lookup(host, *args, **kwargs)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 0)) for a in ("127.0.0.9", "127.0.0.1")]

        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        study_id = ended_study(notifying)
        with sender(notifying, there.url, retry_seconds=()):
            wait_until(lambda: told(notifying, study_id) != [])
    assert told(notifying, study_id) == ["delivered at try 1"]


def test_looking_for_what_is_due_writes_nothing(notifying: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ended_study(notifying)
    assert notifying.webhooks.claim(60) is not None
    monkeypatch.setattr(type(notifying._database), "writing", None)
    assert notifying.webhooks.claim(60) is None


def test_a_deleted_study_is_still_told(notifying: Store) -> None:
    study_id = ended_study(notifying)
    notifying.studies.delete(study_id)
    with receiver(200) as there, sender(notifying, there.url):
        wait_until(lambda: there.received != [])
        wait_until(lambda: notifying.webhooks.claim(60) is None)


def test_without_a_webhook_nothing_is_queued(store: Store) -> None:
    ended_study(store)
    assert store.webhooks.claim(60) is None


def test_the_documented_check_accepts_what_is_sent_and_nothing_else() -> None:
    page = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
    (snippet,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(snippet, names)
    is_genuine = names["is_genuine"]
    now = int(time.time())
    headers = signed_headers(KEY, "id", now, b"body")
    assert is_genuine(headers, b"body", SECRET)
    assert not is_genuine(headers, b"Body", SECRET)
    assert not is_genuine({**headers, "webhook-id": "other"}, b"body", SECRET)
    assert not is_genuine(signed_headers(KEY, "id", now - 400, b"body"), b"body", SECRET)


def test_settings_want_a_secret_of_the_right_form() -> None:
    good = Settings(webhook_url="https://example.org/hook", webhook_secret=SECRET)
    assert key_of(good.webhook_secret.get_secret_value()) == KEY
    assert SECRET not in repr(good)
    for secret in ("", "whsec_", "whsec_abcd", "whsec_%%%", base64.b64encode(KEY).decode()):
        with pytest.raises(ValidationError, match="at least 24 random bytes"):
            Settings(webhook_url="https://example.org/hook", webhook_secret=secret)
    with pytest.raises(ValidationError, match="https://"):
        Settings(webhook_url="ftp://example.org", webhook_secret=SECRET)


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "https:///path",
        "https://:443/",
        "https://hooks..example.com/x",
        "https://.example.com/",
        f"https://{'a' * 64}.example.com/",
        "https://example.org:0/",
        "https://example.org:70000/",
        "https://example.org:port/",
        "https://exa mple.org/",
        "https://[::1/",
    ],
)
def test_settings_want_a_receiver_that_can_be(url: str) -> None:
    with pytest.raises(ValidationError, match="webhook_url"):
        Settings(webhook_url=url, webhook_secret=SECRET)


@pytest.mark.parametrize(
    "url",
    ["https://example.org./x", "http://[2001:db8::1]:8080/", "https://b\u00fccher.example/", "http://a:1"],
)
def test_settings_take_every_receiver_that_can_be(url: str) -> None:
    assert Settings(webhook_url=url, webhook_secret=SECRET).webhook_url == url
