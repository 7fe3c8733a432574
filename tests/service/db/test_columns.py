from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Dialect, make_url, select

from service.db.columns import UTCDateTime, UtcNow
from service.db.engine import create_engine

SQLITE: Dialect = make_url("sqlite://").get_dialect()()
POSTGRESQL: Dialect = make_url("postgresql://").get_dialect()()

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(2000, 1, 2), datetime(2100, 1, 1), timezones=zones))
def test_datetimes_go_in_in_any_zone_and_come_out_in_utc(moment: datetime) -> None:
    column = UTCDateTime()
    bound = column.process_bind_param(moment, SQLITE)
    assert bound == moment
    assert bound.tzinfo is UTC
    assert column.process_result_value(bound.replace(tzinfo=None), SQLITE) == moment
    in_zone = column.process_result_value(moment, POSTGRESQL)
    assert in_zone == moment
    assert in_zone.tzinfo is UTC


def test_a_datetime_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-01-02T00:00:00 has no time zone"):
        UTCDateTime().process_bind_param(datetime(2026, 1, 2), SQLITE)


def test_the_clock_of_the_database_is_aware_and_advances(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        first, second = (connection.scalar(select(UtcNow())) for _ in range(2))
    engine.dispose()
    assert first is not None
    assert second is not None
    assert first.tzinfo is UTC
    assert abs(datetime.now(UTC) - first) < timedelta(minutes=1)
    assert first <= second
