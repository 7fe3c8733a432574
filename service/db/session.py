"""Transactions of the store, and the errors of a database in words."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, exc
from sqlalchemy.orm import Session, sessionmaker

from service.db.engine import BUSY_TIMEOUT_SECONDS, SQLITE_BEGIN
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
        if engine.dialect.name == "sqlite":
            self._reading = sessionmaker(engine)
            self._writing = sessionmaker(engine.execution_options(**{SQLITE_BEGIN: "IMMEDIATE"}))
        else:
            snapshot = engine.execution_options(isolation_level="REPEATABLE READ")
            self._reading = sessionmaker(snapshot)
            self._writing = sessionmaker(engine)

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
        """A transaction that commits unless an exception leaves it.

        SQLite has one writer at a time. PostgreSQL runs in READ COMMITTED and writers take row locks, always
        in this order: lease, study, trials.

        Raises:
            DatabaseUnavailableError: The database failed; nothing was written.
        """
        with translated_errors(self.engine), self._writing() as session, session.begin():
            yield session


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
