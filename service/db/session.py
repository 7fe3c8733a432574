"""Transactions of the store, and the errors of a database in words."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, exc
from sqlalchemy.orm import Session, sessionmaker

from service.db.engine import BUSY_TIMEOUT_SECONDS, begin_to_write
from service.domain.errors import DatabaseUnavailableError

_REASONS = {
    "readonly database": "it is read-only; is its file, and the folder around it, writable?",
    "during recovery": "it is read-only: this server is a standby",
    "read-only transaction": "it is read-only; does the server or the role forbid writes?",
    "disk is full": "its disk is full; free some space",
    "no space left": "its disk is full; free some space",
    "database is locked": f"another process has kept it locked for {BUSY_TIMEOUT_SECONDS:g} s",
    "unable to open database file": "its file cannot be opened; does the folder exist and is it writable?",
    "not a database": "its file is not a SQLite database",
}


class Database:
    """An engine and the two kinds of transactions on it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        is_sqlite = engine.dialect.name == "sqlite"
        snapshot = engine if is_sqlite else engine.execution_options(isolation_level="REPEATABLE READ")
        self._reading = sessionmaker(snapshot)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction on one snapshot, to read: what its queries return fits together.

        Raises:
            DatabaseUnavailableError: The database failed.
        """
        with translated_errors(self.engine), self._reading() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """:meth:`changing` with objects of the ORM.

        Raises:
            DatabaseUnavailableError: The database failed; nothing was written.
        """
        with self.changing() as connection, Session(connection) as session, session.begin():
            yield session

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        """A transaction that commits unless an exception leaves it.

        SQLite has one writer at a time. PostgreSQL runs in READ COMMITTED and writers take row locks, always
        in this order: lease, study, trials.

        Raises:
            DatabaseUnavailableError: The database failed; nothing was written.
        """
        with translated_errors(self.engine), self.engine.connect() as connection, begin_to_write(connection):
            yield connection


@contextmanager
def translated_errors(engine: Engine) -> Iterator[None]:
    """Turns failures of the database, but no programming errors, into DatabaseUnavailableError."""
    try:
        yield
    except (exc.IntegrityError, exc.DataError, exc.ProgrammingError):
        raise
    except (exc.DatabaseError, exc.InterfaceError, exc.TimeoutError) as error:
        cause = str(error.orig if isinstance(error, exc.DBAPIError) else error).strip()
        reason = next((words for part, words in _REASONS.items() if part in cause.lower()), cause)
        raise DatabaseUnavailableError(
            f"the database {engine.url.render_as_string(hide_password=True)} cannot be used: {reason}"
        ) from error
