import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from service.db.engine import begin_to_write, create_engine, opened_engine
from service.domain.errors import InvalidFieldError


def test_sqlite_runs_in_wal_mode_with_foreign_keys(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    with engine.connect() as first, engine.connect() as second:
        for connection in (first, second):
            settings = {
                name: connection.scalar(text(f"PRAGMA {name}"))
                for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
            }
            assert settings == {
                "journal_mode": "wal",
                "foreign_keys": 1,
                "synchronous": 1,  # NORMAL
                "busy_timeout": 30_000,
            }
    engine.dispose()


def test_a_writing_transaction_locks_sqlite_from_its_beginning(sqlite_url: str) -> None:
    with opened_engine(sqlite_url) as engine, engine.connect() as connection:
        begins: list[str] = []
        driver_connection = connection.connection.driver_connection
        assert isinstance(driver_connection, sqlite3.Connection)
        driver_connection.set_trace_callback(begins.append)
        with begin_to_write(connection):
            pass
        with connection.begin():
            pass
        assert [each for each in begins if each.startswith("BEGIN")] == ["BEGIN IMMEDIATE", "BEGIN DEFERRED"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "is no URL"),
        ("spnas.db", "is no URL"),
        ("mysql://host/db", r"sqlite:/// or postgresql://; got mysql://"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite:///file:x?mode=memory&uri=true", "must name a file"),
    ],
)
def test_an_impossible_url_is_refused(url: str, message: str) -> None:
    with pytest.raises(InvalidFieldError, match=message) as refused:
        create_engine(url)
    assert refused.value.field == "database_url"


def test_an_old_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(InvalidFieldError, match=r"SQLite 3\.35 or newer"):
        create_engine(f"sqlite:///{tmp_path / 'spnas.db'}")


@pytest.mark.parametrize("url", ["postgresql://h/d", "postgresql+asyncpg://h/d", "postgresql+psycopg2://h/d"])
def test_postgresql_is_reached_through_psycopg_3_whatever_the_url_says(url: str) -> None:
    assert create_engine(url).url.drivername == "postgresql+psycopg"


def test_a_postgresql_server_that_has_gone_is_noticed_unless_the_url_says_otherwise(
    postgres_url: str,
) -> None:
    separator = "&" if "?" in postgres_url else "?"
    with (
        opened_engine(f"{postgres_url}{separator}connect_timeout=3") as engine,
        engine.connect() as connection,
    ):
        driver = connection.connection.driver_connection
        assert driver is not None
        options = {option.keyword.decode(): option.val for option in driver.pgconn.info}
    assert options["connect_timeout"] == b"3"
    assert options["tcp_user_timeout"] == b"20000"
    assert options["keepalives_idle"] == b"10"
