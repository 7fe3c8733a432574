from collections.abc import Iterator

import pytest

from service.client import Client
from tests.service.live import Live, live_service


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_service(tmp_path_factory.mktemp("service")) as live:
        yield live


@pytest.fixture(scope="package")
def client(live: Live) -> Iterator[Client]:
    with Client(live.base_url) as client:
        yield client
