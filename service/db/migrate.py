"""Brings a database to the version of this code, and refuses one that it does not fit.

``python -m service.db.migrate [DATABASE_URL]`` upgrades from the shell; without an argument it takes
SPNAS_DATABASE_URL.
"""

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, text

import migrations
from service.db.engine import begin_to_write, opened_engine
from service.db.session import translated_errors
from service.domain.errors import DatabaseOutdatedError, DatabaseTooNewError, SpnasError

_UPGRADE_LOCK = 0x73706E6173  # "spnas", the key of PostgreSQL's advisory lock
_alembic = threading.Lock()  # Alembic's context is global to the process


def upgrade(target: Engine | str | URL) -> None:
    """Upgrades to the newest version, in one transaction; does nothing if it is there already.

    Processes that upgrade at the same time wait for each other.

    Raises:
        DatabaseTooNewError: A later version of the service has upgraded this database; nothing was changed.
        DatabaseUnavailableError: The database failed; nothing was changed.
    """
    with (
        nullcontext(target) if isinstance(target, Engine) else opened_engine(target) as engine,
        _alembic,
        translated_errors(engine),
        exclusive_connection(engine) as connection,
    ):
        _refuse_unknown(engine, MigrationContext.configure(connection).get_current_revision())
        command.upgrade(alembic_config(connection), "head")


def current(engine: Engine) -> str | None:
    """The database's version, or None where it has no tables yet.

    Raises:
        DatabaseUnavailableError: The database cannot be read.
    """
    with translated_errors(engine), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The version that this code needs."""
    revision = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert revision is not None
    return revision


def check(engine: Engine) -> None:
    """Passes if the database is of the version that this code needs.

    Raises:
        DatabaseOutdatedError: It is empty or older. The message says how to upgrade.
        DatabaseTooNewError: It is newer.
        DatabaseUnavailableError: It cannot be read.
    """
    revision = current(engine)
    _refuse_unknown(engine, revision)
    if revision != head():
        found = "has no tables yet" if revision is None else f"is of version {revision}"
        raise DatabaseOutdatedError(
            f"the database {_shown(engine)} {found}, this service needs version {head()}; back it up, "
            "then run: python -m service.db.migrate DATABASE_URL"
        )


@contextmanager
def exclusive_connection(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction of its own that no other upgrade overlaps; commits at the end.

    SQLite alters a table by copying it and dropping the old one, which must not delete the rows that refer
    to it: foreign keys are off meanwhile and checked at the end.

    Raises:
        RuntimeError: A migration left a row that refers to nothing; everything is rolled back.
    """
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
            yield connection
        return
    with engine.connect() as connection:
        # The driver's own connection, because the setting has no effect inside a transaction.
        driver_connection = connection.connection.driver_connection
        assert driver_connection is not None
        driver_connection.execute("PRAGMA foreign_keys = OFF")
        try:
            with begin_to_write(connection):
                yield connection
                broken = connection.execute(text("PRAGMA foreign_key_check")).all()
                if broken:
                    raise RuntimeError(f"the migration broke references between tables: {broken[:5]}")
        finally:
            driver_connection.execute("PRAGMA foreign_keys = ON")


def alembic_config(connection: Connection | None = None) -> Config:
    """For Alembic's own commands, with the connection that they run on."""
    config = Config()
    location = Path(migrations.__file__).parent
    config.set_main_option("script_location", str(location).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _refuse_unknown(engine: Engine, revision: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseTooNewError(
            f"the database {_shown(engine)} is of version {revision}, which this service does not know; it "
            f"knows up to {head()}. Install the version of spnas-tuner that upgraded it, or restore a backup"
        )


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def main(arguments: Sequence[str]) -> int:
    """Upgrades; returns the exit code."""
    url = arguments[0] if arguments else os.environ.get("SPNAS_DATABASE_URL")
    if len(arguments) > 1 or not url:
        sys.stderr.write("usage: python -m service.db.migrate DATABASE_URL (or set SPNAS_DATABASE_URL)\n")
        return 2
    try:
        with opened_engine(url) as engine:
            before = current(engine)
            upgrade(engine)
            sys.stdout.write(f"{_shown(engine)}: version {before or 'none'} -> {head()}\n")
    except SpnasError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
