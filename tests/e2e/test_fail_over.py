"""Two replicas on one PostgreSQL and one Ray cluster: the one that runs trials is killed."""

import tempfile
import time
from pathlib import Path

import pytest

from tests.chaos import failover, processes
from tests.chaos.databases import Postgres
from tests.chaos.deployment import deployed

pytestmark = pytest.mark.slow


def test_another_replica_takes_over_and_adopts_running_trials() -> None:
    mark = processes.mark()
    with tempfile.TemporaryDirectory(prefix="spnas-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # under root PostgreSQL runs as a user of its own
        database = Postgres(folder)
        with deployed(database, folder, replicas=2, mark=mark) as deployment:
            result, study = failover.measure(deployment)
            assert result.faults == ()
            assert result.seconds <= failover.TARGET_SECONDS
            deployment.store.studies.cancel(study.id)
            deadline = time.monotonic() + 60
            while deployment.workers():
                assert time.monotonic() < deadline, "workers are left"
                time.sleep(0.2)
            now = deployment.store.studies.get(study.id)
            recorded = deployment.store.trials.epochs_of_study(study.id)
            assert now.spent_epochs == len({(number, e.report.epoch) for number, e in recorded})
            assert (now.reserved_epochs, deployment.faults) == (0, [])
        database.stop()
