"""The service keeps to its OpenAPI document, whatever is sent: schemathesis with all its checks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.db import migrate
from service.domain.access import Scope
from tests.service.live import live_service
from tests.service.searches import finished_trial, start_trial

# make fuzz sets more.
EXAMPLES = os.environ.get("SPNAS_FUZZ_EXAMPLES", "5")
SEED = os.environ.get("SPNAS_FUZZ_SEED", "1")
CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.slow
def test_the_service_keeps_to_its_document(database_url: str, tmp_path: Path) -> None:
    migrate.upgrade(database_url)
    settings = {"database_url": database_url, "require_token": True, "requests_per_minute": 1_000_000}
    with live_service(tmp_path, **settings) as live:
        _, token = live.store.tokens.create("schemathesis", Scope.ADMIN)
        live.http.headers["authorization"] = f"Bearer {token}"
        study_id = live.create(budget_epochs=1_000)["id"]
        for lambda_ in (0.5, 1.0, 2.0):
            finished_trial(live.store, study_id, lambda_=lambda_)
        start_trial(live.store, study_id)  # nobody can delete a study while a trial of it runs
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"),
            f"{live.base_url}/openapi.json",
            *("--checks", "all", "--max-examples", EXAMPLES, "--seed", SEED, "--continue-on-failure"),
        ]
        environment = {**os.environ, "STUDY_ID": study_id, "TOKEN": str(token), "NO_COLOR": "1"}
        run = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2_000:]
