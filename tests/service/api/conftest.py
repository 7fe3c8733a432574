from collections.abc import Iterator

import pytest

from tests.service.live import Live, live_service


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service for the tests of a module that do not mind each other's studies."""
    with live_service(tmp_path_factory.mktemp("service")) as live:
        yield live


@pytest.fixture
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service with an empty database."""
    with live_service(tmp_path_factory.mktemp("service")) as live:
        yield live
