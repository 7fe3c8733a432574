"""Run by Alembic: on the connection of ``service.db.migrate``, or on SPNAS_DATABASE_URL from the shell."""

import os

from alembic import context
from sqlalchemy import Connection

from service.db import migrate
from service.db.engine import create_engine
from service.db.models import Base


def _run(connection: Connection) -> None:
    # Both databases run DDL in transactions; SQLite alters a table by copying it (batch).
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transactional_ddl=True,
        render_as_batch=True,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
elif context.is_offline_mode():
    raise SystemExit("offline mode (--sql) is not supported: the migrations look at the database")
elif "SPNAS_DATABASE_URL" not in os.environ:
    raise SystemExit("set SPNAS_DATABASE_URL to the database, such as sqlite:///dev.db")
else:
    engine = create_engine(os.environ["SPNAS_DATABASE_URL"])
    with migrate.exclusive_connection(engine) as own:
        _run(own)
