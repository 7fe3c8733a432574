from collections.abc import Iterator
from typing import Any

import pytest

from service.db import migrate
from tests.service.live import Live, live_service


def database_settings(kind: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of an empty database of this kind."""
    if kind == "sqlite":
        return {}
    url = request.getfixturevalue("new_postgres_database")()
    migrate.upgrade(url)
    return {"database_url": url}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service for the tests of a module that do not mind each other's studies."""
    database = database_settings(request.param, request)
    with live_service(tmp_path_factory.mktemp("service"), **database) as live:
        yield live


@pytest.fixture(params=["sqlite", "postgresql"])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service with an empty database."""
    database = database_settings(request.param, request)
    with live_service(tmp_path_factory.mktemp("service"), **database) as live:
        yield live
