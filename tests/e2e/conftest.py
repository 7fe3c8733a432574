"""A service process for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.service_process import ServiceProcess


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceProcess]:
    """Not started yet; stopped in the end."""
    process = ServiceProcess(tmp_path / "data")
    yield process
    process.stop()
