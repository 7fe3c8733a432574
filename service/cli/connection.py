"""Which service a command talks to: the one that is named, the one that listens here, or one of its own."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx

from service.cli.console import say, stderr
from service.cli.embedded import EmbeddedService
from service.cli.settings import effective_settings
from service.client import Client

_PROBE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Connection:
    """A client, and what a message to the user needs to know about the other end.

    Attributes:
        client: Talks to the service.
        url: Its address.
        embedded: The service that ends with the command, or None.
    """

    client: Client
    url: str
    embedded: EmbeddedService | None


@contextmanager
def connect(server: str | None, *, runs_trials: bool = False) -> Iterator[Connection]:
    """Connects to a service that is named, else to the one that listens here, else to an embedded one.

    Args:
        server: Base URL; None: that of the settings, if they have one.
        runs_trials: Whether an embedded service is to run trials; else it only reads and writes the database.

    Raises:
        CliError: The embedded service does not start.
        InvalidFieldsError: A setting is not acceptable.
    """
    url = server or effective_settings().server or listening_here()
    if url is not None:
        with client_of(url) as client:
            yield Connection(client, url, None)
        return
    with _started(runs_trials) as embedded, client_of(embedded.url) as client:
        yield Connection(client, embedded.url, embedded)


def client_of(url: str) -> Client:
    """A client that shows the access token in ``SPNAS_TOKEN``, if there is one.

    There is no flag for it: other users of a machine see command lines.
    """
    return Client(url, token=os.environ.get("SPNAS_TOKEN") or None)


def listening_here() -> str | None:
    """The address of a service that listens where ``spnas serve`` would by default, or None."""
    settings = effective_settings()
    if settings.port == 0:
        return None
    url = f"http://127.0.0.1:{settings.port}"
    try:
        answer = httpx.get(f"{url}/v1/solvers", timeout=_PROBE_SECONDS)
    except httpx.TransportError:
        return None
    # Some other program may listen there: ours names its solvers, or asks for a token in its own words.
    return url if b'"solvers"' in answer.content or b"urn:spnas:" in answer.content else None


@contextmanager
def _started(runs_trials: bool) -> Iterator[EmbeddedService]:
    service = EmbeddedService(dispatcher=runs_trials)
    with ExitStack() as stack:
        with stderr().status("starting the embedded service" if runs_trials else "opening the database"):
            stack.enter_context(service)
        if runs_trials:
            say(f"embedded service at {service.url}, its log in {service.log_path}", "dim")
        yield service
