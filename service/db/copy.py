"""Moves a deployment to another database, such as from SQLite to PostgreSQL.

``python -m service.db.copy SOURCE_URL TARGET_URL``, while no service runs on either.
"""

import sys
from collections.abc import Sequence

from sqlalchemy import Connection, Engine, Table, exists, insert, select, text, update

from service.db import migrate
from service.db.columns import UtcNow
from service.db.engine import opened_engine
from service.db.models import Base, LeaseRow
from service.db.session import translated_errors
from service.domain.errors import ConflictError, SpnasError

_ROWS_AT_A_TIME = 1000


def copy_database(source: Engine, target: Engine) -> dict[str, int]:
    """Copies every row, in one transaction; the target is upgraded before and keeps nothing of its own.

    Ids, page tokens and the deployment's id stay the same, so checkpoints still belong to their trials.

    Returns:
        Number of rows by table.

    Raises:
        ConflictError: A dispatcher holds the source, or the target has studies already.
        DatabaseOutdatedError: The source is older than this version of the service.
        DatabaseTooNewError: One of them is newer.
        DatabaseUnavailableError: One of them failed; nothing was copied.
    """
    migrate.check(source)
    migrate.upgrade(target)
    with (
        translated_errors(source),
        source.connect() as reading,
        translated_errors(target),
        target.begin() as writing,
    ):
        if reading.scalar(select(exists().where(LeaseRow.expires_at > UtcNow()))):
            raise ConflictError("a service still works on the source; stop it first")
        tables = [table for table in Base.metadata.sorted_tables if table.name != LeaseRow.__tablename__]
        for table in tables:
            if writing.scalar(select(exists(select(table)))):
                raise ConflictError(f"the target has {table.name} already; give an empty database")
        counts = {table.name: _copy_rows(table, reading, writing) for table in tables}
        lease = reading.execute(select(LeaseRow.fence, LeaseRow.deployment_id)).one()
        writing.execute(update(LeaseRow).values(lease._asdict()))
        if target.dialect.name == "postgresql":
            _continue_numbering(writing, "studies", "key")
            _continue_numbering(writing, "trials", "id")
            _continue_numbering(writing, "events", "id")
    return counts


def _copy_rows(table: Table, reading: Connection, writing: Connection) -> int:
    count = 0
    rows = reading.execution_options(yield_per=_ROWS_AT_A_TIME).execute(select(table))
    for part in rows.mappings().partitions():
        writing.execute(insert(table), [dict(row) for row in part])
        count += len(part)
    return count


def _continue_numbering(writing: Connection, table: str, key: str) -> None:
    """New rows are numbered after the copied ones."""
    last = f'(SELECT max("{key}") FROM {table})'  # noqa: S608 - names from this file
    sequence = f"pg_get_serial_sequence('{table}', '{key}')"
    writing.execute(text(f"SELECT setval({sequence}, coalesce({last}, 1), {last} IS NOT NULL)"))


def main(arguments: Sequence[str]) -> int:
    """Copies; returns the exit code."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m service.db.copy SOURCE_URL TARGET_URL\n")
        return 2
    try:
        with opened_engine(arguments[0]) as source, opened_engine(arguments[1]) as target:
            counts = copy_database(source, target)
    except SpnasError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(", ".join(f"{count} {table}" for table, count in counts.items()) + " copied\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
