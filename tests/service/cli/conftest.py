import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import pytest
from typer.testing import CliRunner, Result

from service.cli import app
from tests.service.live import Live, live_service
from tests.service.searches import finished_trial, start_trial


class Run(Protocol):
    """Runs the command line in this process and returns its exit code and output."""

    def __call__(self, *args: str, env: dict[str, str] | None = None, stdin: str | None = None) -> Result: ...


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service without a dispatcher, for the tests of a module that do not mind each other's studies."""
    with live_service(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def run(live: Live) -> Run:
    """Runs the command line against the live service."""

    def invoke(*args: str, env: dict[str, str] | None = None, stdin: str | None = None) -> Result:
        return run_cli(args, env={"SPNAS_SERVER": live.base_url, **(env or {})}, stdin=stdin)

    return invoke


def run_cli(args: Sequence[str], env: dict[str, str], stdin: str | None = None) -> Result:
    """Runs the command line with an environment that the machine has no say in."""
    names = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "SPNAS_SERVER", "SPNAS_TOKEN")
    isolated: dict[str, str | None] = dict.fromkeys(names)
    with _logging_restored():
        return CliRunner(env={**isolated, **env}).invoke(app, list(args), prog_name="spnas", input=stdin)


@contextmanager
def _logging_restored() -> Iterator[None]:
    """`spnas serve` sets up logging for its whole process, which here is that of all tests."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.fixture
def study_id(live: Live) -> str:
    """A study with a best trial of reward 0.9, one above the target, and one that runs."""
    study_id: str = live.create(name="phone", tags=["nightly"], budget_epochs=64)["id"]
    finished_trial(live.store, study_id, lambda_=1.5, accuracy=0.9, runtime_ms=78.0)
    finished_trial(live.store, study_id, lambda_=0.2, accuracy=0.95, runtime_ms=120.0)
    start_trial(live.store, study_id, lambda_=0.7)
    return study_id
