"""A statement past SQLAlchemy's execution does and raises what one through it does, on each database."""

import pytest
from sqlalchemy import bindparam, insert, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from service.db.engine import opened_engine
from service.db.models import DeletedStudyRow, LeaseRow
from service.db.prepared import Prepared
from service.db.store import Store

INSERT = Prepared(insert(DeletedStudyRow), columns=("id",))
RENAME = Prepared(
    update(DeletedStudyRow)
    .where(DeletedStudyRow.id == bindparam("old"))
    .values(id=bindparam("new"))
    .returning(DeletedStudyRow.id)
)


def test_rows_of_returning_come_back(store: Store) -> None:
    with store.dispatch._database.changing() as connection:
        assert INSERT.execute(connection, {"id": "50% of \u00fc"}) == ()
        assert [*RENAME.execute(connection, {"old": "50% of \u00fc", "new": "b"})] == [("b",)]
        assert [*RENAME.execute(connection, {"old": "unknown", "new": "c"})] == []
    assert store.dispatch.deleted_studies() == ("b",)


def test_constants_of_a_statement_are_kept_beside_its_parameters(store: Store) -> None:
    raise_fence = Prepared(
        update(LeaseRow)
        .where(LeaseRow.fence == bindparam("now"))
        .values(fence=LeaseRow.fence + 7)
        .returning(LeaseRow.fence)
    )
    with store.dispatch._database.changing() as connection:
        assert [*raise_fence.execute(connection, {"now": 0})] == [(7,)]
        assert [*raise_fence.execute(connection, {"now": 7})] == [(14,)]


def test_it_belongs_to_the_transaction(store: Store) -> None:
    with store.dispatch._database.changing() as connection:
        INSERT.execute(connection, {"id": "a"})
        connection.rollback()
    assert store.dispatch.deleted_studies() == ()


def test_errors_are_those_of_sqlalchemy(store: Store) -> None:
    with store.dispatch._database.changing() as connection:
        INSERT.execute(connection, {"id": "a"})
        with pytest.raises(IntegrityError, match="deleted_studies") as refused:
            INSERT.execute(connection, {"id": "a"})
        connection.rollback()
    assert refused.value.statement is not None
    assert not refused.value.connection_invalidated
    assert store.dispatch.deleted_studies() == ()


def test_a_parameter_that_is_missing_is_an_error(store: Store) -> None:
    with pytest.raises(KeyError, match="old"), store.dispatch._database.changing() as connection:
        RENAME.execute(connection, {"new": "b"})


def test_a_connection_that_the_server_ended_is_given_up(postgres_url: str) -> None:
    with opened_engine(postgres_url) as engine, opened_engine(postgres_url) as other:
        with engine.connect() as connection, other.connect() as killer:
            backend = connection.scalar(text("SELECT pg_backend_pid()"))
            killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": backend})
            with pytest.raises(OperationalError) as lost:
                INSERT.execute(connection, {"id": "a"})
        assert lost.value.connection_invalidated
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
