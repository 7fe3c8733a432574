"""Runs the service with uvicorn."""

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service import logs
from service.app import create_app
from service.db.store import Store
from service.dispatch.owner import live_process_of
from service.domain.errors import InvalidFieldError, LeaseHeldError
from service.settings import Settings

_LOG = logging.getLogger(__name__)


def check_exposure(settings: Settings, store: Store) -> None:
    """Refuses to offer a service to a whole network before anybody can log in.

    Raises:
        InvalidFieldError: ``host`` is not a loopback address, nobody has a valid token, and ``insecure`` is
            not set.
    """
    if settings.is_loopback or settings.insecure:
        return
    if not settings.needs_token:
        reason = "and SPNAS_REQUIRE_TOKEN=false lets everybody there start and delete studies"
    elif not store.tokens.any_valid():
        reason = "and there is no valid access token yet: make one with `spnas token create`"
    else:
        return
    raise InvalidFieldError(
        "host",
        f"{settings.host} is reachable from other machines, {reason}; or listen on 127.0.0.1, or say "
        "--insecure if all who can connect are to be trusted",
    )


def check_alone(settings: Settings, store: Store) -> None:
    """Refuses to run trials on a SQLite database on which another service does. PostgreSQL takes several.

    A service that was killed does not count, although its lease has not run out yet.

    Raises:
        LeaseHeldError: There is one.
    """
    if not settings.dispatcher or not settings.effective_database_url.startswith("sqlite"):
        return
    holder = store.dispatch.lease_holder()
    pid = None if holder is None else live_process_of(holder)
    if pid is not None:
        raise LeaseHeldError(
            f"another service, process {pid}, runs trials on {settings.effective_database_url}; use it, stop "
            "it, serve without trials (--no-dispatcher), or take PostgreSQL for several services"
        )


def serve(
    settings: Settings, on_listening: Callable[[str], None] | None = None, *, alone: bool = False
) -> None:
    """Serves until SIGINT or SIGTERM, then lets open requests and the dispatcher wind up.

    Returns after SIGINT. After SIGTERM the process ends by that signal, as supervisors expect.

    Args:
        settings: How to serve.
        on_listening: Called with the base URL once the port is bound; what ``port=0`` has become is in it.
        alone: Whether to refuse where another service runs trials; else it stands by.

    Raises:
        LeaseHeldError: See :func:`check_alone`.
        InvalidFieldError: See :func:`check_exposure`; or the port is taken.
        SpnasError: The database is not usable, see :func:`service.app.create_app`.
    """
    logs.configure(settings.log_format, settings.log_level)
    listener = bind(settings)
    with listener:
        app = create_app(settings)
        check_exposure(settings, app.state.store)
        if alone:
            check_alone(settings, app.state.store)
        server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=settings.shutdown_seconds,
                server_header=False,
            )
        )
        if on_listening is not None:
            on_listening(base_url(listener))
        with suppress(KeyboardInterrupt):  # uvicorn raises it again after it has wound up
            server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """Has event streams end when the server is asked to, instead of waiting for their listeners to leave."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        app = self.config.app
        assert isinstance(app, FastAPI)
        app.state.stopping.set()
        super().handle_exit(sig, frame)


def base_url(listener: socket.socket) -> str:
    """The URL of a bound socket; an address that stands for all is shown as loopback."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def bind(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say.

    Raises:
        InvalidFieldError: The port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's algorithm off, which else holds answers back for 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen()  # from now on connections wait until the application is up
    except OSError as error:
        listener.close()
        raise InvalidFieldError(
            "port", f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}"
        ) from error
    return listener
