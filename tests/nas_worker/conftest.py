"""Settings for all tests of the search."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

settings.register_profile("nas_worker", deadline=None)  # on a busy machine a first call takes its time
settings.load_profile("nas_worker")


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    """Several threads gain nothing on tensors this small, and wait for each other on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
