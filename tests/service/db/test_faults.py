"""A database that fails says why, and what would help; nothing is half written."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine as plain_engine
from sqlalchemy import event, make_url, text

from service.db import migrate
from service.db.engine import opened_engine
from service.db.store import Store
from service.domain.errors import DatabaseUnavailableError
from tests.service import searches
from tests.service.db.helpers import new_study


@pytest.fixture
def migrated_url(database_url: str) -> str:
    """A database of each kind with tables and one study."""
    with opened_engine(database_url) as engine:
        migrate.upgrade(engine)
        new_study(Store(engine))
    return database_url


def read_only(url: str) -> str:
    """The same database, which cannot be written through this URL."""
    if url.startswith("sqlite"):
        return f"sqlite:///file:{make_url(url).database}?mode=ro&uri=true"
    return f"{url}&options=-c%20default_transaction_read_only%3Don"


def test_a_read_only_database_can_be_read_but_not_written(migrated_url: str) -> None:
    with opened_engine(read_only(migrated_url)) as engine:
        store = Store(engine)
        assert len(store.studies.list().items) == 1
        for write in (lambda: new_study(store), lambda: store.dispatch.acquire_lease("a", 1)):
            with pytest.raises(DatabaseUnavailableError, match="it is read-only"):
                write()
        migrate.check(engine)


def fill(store: Store, study_id: str) -> None:
    while True:
        searches.finished_trial(store, study_id)


def test_a_full_disk_loses_nothing_that_was_stored(sqlite_url: str) -> None:
    with opened_engine(sqlite_url) as engine:
        migrate.upgrade(engine)
        store = Store(engine)
        study, lease = new_study(store), searches.lease(store)

        @event.listens_for(engine, "connect")
        def _no_more_pages(connection: object, _record: object) -> None:
            connection.execute("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]

        engine.dispose()
        with pytest.raises(DatabaseUnavailableError, match="its disk is full; free some space"):
            fill(store, study.id)
        history = store.trials.history(study.id)
        assert sum(t.epochs_done for t in history) == store.studies.get(study.id).spent_epochs
    with opened_engine(sqlite_url) as engine:
        store = Store(engine)
        assert store.trials.history(study.id) == history
        assert store.dispatch.renew_lease(lease, 60).fence == lease.fence


def test_a_file_that_cannot_be_opened_engine(tmp_path: Path) -> None:
    with (
        opened_engine(f"sqlite:///{tmp_path}/missing/spnas.db") as engine,
        pytest.raises(
            DatabaseUnavailableError, match=r"missing/spnas\.db cannot be used: .*does the folder exist"
        ),
    ):
        migrate.upgrade(engine)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "spnas.db"
    path.write_text("These are notes about lambda, not a database.\n" * 100)
    with opened_engine(f"sqlite:///{path}") as engine:
        for call in (migrate.upgrade, migrate.check):
            with pytest.raises(DatabaseUnavailableError, match="not a SQLite database"):
                call(engine)
    assert path.read_text().startswith("These are notes")


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with (
        opened_engine("postgresql://user:secret@127.0.0.1:1/spnas") as engine,
        pytest.raises(
            DatabaseUnavailableError, match=r"user:\*\*\*@127\.0\.0\.1:1/spnas cannot be used"
        ) as failed,
    ):
        Store(engine).studies.list()
    assert "secret" not in str(failed.value)


def test_a_lost_connection_is_replaced(postgres_url: str) -> None:
    with opened_engine(postgres_url) as engine:
        migrate.upgrade(engine)
        store = Store(engine)
        study = new_study(store)
        admin = plain_engine(engine.url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            others = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            )
            connection.execute(text(f"{others} AND pid <> pg_backend_pid()"))
        admin.dispose()
        assert store.studies.get(study.id) == study


def test_a_database_that_stays_locked(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened_engine(sqlite_url) as engine:
        migrate.upgrade(engine)
    monkeypatch.setattr("service.db.engine.BUSY_TIMEOUT_SECONDS", 0.1)
    with (
        opened_engine(sqlite_url) as engine,
        contextlib.closing(sqlite3.connect(str(engine.url.database))) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailableError, match="another process has kept it locked"):
            new_study(Store(engine))
        other.rollback()
        new_study(Store(engine))
