"""The database that the settings name, ready for this version of the service."""

from sqlalchemy import Engine

from service.db import migrate
from service.db.engine import create_engine
from service.settings import Settings


def prepared_engine(settings: Settings) -> Engine:
    """An engine on the database. An embedded one is made or upgraded; another one must be of this version.

    Raises:
        InvalidFieldError: ``database_url`` is not one of a supported database.
        DatabaseOutdatedError: The database must be upgraded first.
        DatabaseTooNewError: A later version of the service has upgraded the database.
        DatabaseUnavailableError: The database does not answer.
    """
    if not settings.database_url:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = create_engine(settings.effective_database_url)
    if engine.dialect.name == "sqlite":
        migrate.upgrade(engine)
    else:
        migrate.check(engine)
    return engine
