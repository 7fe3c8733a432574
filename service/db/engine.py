"""Engines for the two databases that the service runs on: SQLite, embedded, and PostgreSQL."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, PoolProxiedConnection, RootTransaction, event, make_url
from sqlalchemy.exc import ArgumentError

from service.domain.errors import InvalidFieldError

BUSY_TIMEOUT_SECONDS = 30.0
"""How long a SQLite connection waits for another one's write to end."""

_IMMEDIATE = "begin_immediate"
"""In the ``info`` of a SQLite connection: its next transaction is one that writes."""

_NOTICE_DEAD_SERVERS = {
    "connect_timeout": 10,  # seconds
    "tcp_user_timeout": 20_000,  # milliseconds that what was sent may stay unacknowledged
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
}
"""libpq's: a server whose machine or network has gone is an error within 20 s, not a request that hangs."""

_OLDEST_SQLITE = (3, 35)  # UPDATE ... RETURNING


def create_engine(url: str | URL) -> Engine:
    """Makes an engine for ``sqlite:///FILE`` or ``postgresql://USER:PASSWORD@HOST/DATABASE``.

    SQLite runs in WAL mode with synchronous=NORMAL: a crash of the process loses nothing, a power cut may
    lose the last commits but never corrupts.

    Raises:
        InvalidFieldError: ``database_url`` is no URL, names another database or an in-memory one.
    """
    try:
        url = make_url(url)
    except ArgumentError as error:
        raise InvalidFieldError("database_url", f"database_url is no URL: {error}") from error
    match url.get_backend_name():
        case "sqlite":
            return _create_sqlite(url.set(drivername="sqlite"))
        case "postgresql":
            return sqlalchemy.create_engine(
                url.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                connect_args={
                    name: value for name, value in _NOTICE_DEAD_SERVERS.items() if name not in url.query
                },
                json_serializer=to_json,
            )
        case backend:
            raise InvalidFieldError(
                "database_url",
                f"database_url must begin with sqlite:/// or postgresql://; got {backend}://",
            )


@contextmanager
def opened_engine(url: str | URL) -> Iterator[Engine]:
    """An engine that closes its connections at the end; see :func:`create_engine`."""
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
"""A value as the databases keep it."""


def _create_sqlite(url: URL) -> Engine:
    if url.database in (None, "", ":memory:") or "mode=memory" in str(url):
        raise InvalidFieldError(
            "database_url",
            "database_url must name a file, as in sqlite:///spnas.db: threads share the database",
        )
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise InvalidFieldError(
            "database_url", f"SQLite 3.35 or newer is needed; this Python has {sqlite3.sqlite_version}"
        )
    engine = sqlalchemy.create_engine(
        url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}, json_serializer=to_json
    )
    event.listen(engine, "connect", _configure_sqlite)
    # Not by an event of the engine: any of those makes each statement take half as long again.
    engine.dialect.do_begin = _begin_sqlite  # type: ignore[method-assign]
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the module begins no transactions by itself; _begin_sqlite does
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(dbapi_connection: PoolProxiedConnection) -> None:
    mode = "IMMEDIATE" if dbapi_connection.info.pop(_IMMEDIATE, False) else "DEFERRED"
    dbapi_connection.cursor().execute(f"BEGIN {mode}")


def begin_to_write(connection: Connection) -> RootTransaction:
    """Begins a transaction that writes.

    On SQLite it must say so at once: one that reads first and then finds that another has written in between
    cannot be upgraded.
    """
    if connection.dialect.name == "sqlite":
        connection.info[_IMMEDIATE] = True
    return connection.begin()
