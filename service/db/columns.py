"""Column types and the clock: times are UTC with a time zone, and they are the database's own."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


class UTCDateTime(TypeDecorator[datetime]):
    """A point in time. Takes aware datetimes of any zone, gives aware ones in UTC; SQLite keeps UTC text."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """To UTC.

        Raises:
            ValueError: The datetime has no time zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the datetime {value.isoformat()} has no time zone; the database keeps UTC")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """From UTC text without a zone (SQLite) or from the connection's zone (PostgreSQL) to UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class UtcNow(FunctionElement[datetime]):
    """The database's clock, the only one that the store uses.

    PostgreSQL: the server's, at the moment of evaluation rather than the start of the transaction, so that
    times follow the order in which locks were got. SQLite: the machine's, in milliseconds.
    """

    name = "utc_now"
    type = UTCDateTime()
    inherit_cache = True


@compiles(UtcNow, "postgresql")
def _clock_timestamp(_element: UtcNow, _compiler: SQLCompiler, **_options: Any) -> str:
    return "clock_timestamp()"


@compiles(UtcNow, "sqlite")
def _strftime(_element: UtcNow, _compiler: SQLCompiler, **_options: Any) -> str:
    # Six digits, as SQLAlchemy stores datetimes: text then sorts as time does.
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
