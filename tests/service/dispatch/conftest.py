"""A real Ray cluster and a dispatcher on it, shared by all tests so that workers stay warm."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ray.cluster_utils import Cluster
from sqlalchemy import Engine

from service.db import migrate
from service.db.engine import create_engine
from service.db.store import Store
from service.dispatch import Dispatcher, DispatchSettings
from service.domain.records import StudyRecord, TrialRecord
from service.domain.spec import StudySpec
from service.domain.states import StudyState


def wait_until(condition: Callable[[], bool], what: str, timeout_seconds: float = 120) -> None:
    """Waits for a condition of another thread or process."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_seconds:g} s: {what}"
        time.sleep(0.02)


class Bench:
    """A store, and a dispatcher that works on it; the dispatcher can be stopped and started again."""

    def __init__(self, engine: Engine, settings: DispatchSettings, cluster: Cluster) -> None:
        self.engine = engine
        self.store = Store(engine)
        self.cluster = cluster
        self.settings = settings
        self.dispatcher: Dispatcher | None = None

    def start(self) -> Dispatcher:
        """Starts a new dispatcher. One at a time: a process has one connection to Ray."""
        assert self.dispatcher is None
        self.dispatcher = Dispatcher(self.store, self.settings)
        self.dispatcher.start()
        return self.dispatcher

    def stop(self) -> None:
        """Stops the dispatcher; the cluster, and the trials on it, go on."""
        if self.dispatcher is not None:
            assert self.dispatcher.stop(30)
            self.dispatcher = None

    def create(self, **fields: Any) -> StudyRecord:
        """A study whose epochs take about a second; every other field as given."""
        values: dict[str, Any] = {
            "target_runtime_ms": 80,
            "solver": {"kind": "random"},
            "epochs": {"min": 1, "max": 2},
            "budget_epochs": 4,
            "search": {"max_train_images": 64},
            "reuse_trials": False,
        }
        return self.store.studies.create(StudySpec.model_validate({**values, **fields}))[0]

    def wait_for(self, study: StudyRecord, state: StudyState) -> StudyRecord:
        """The study, once it is in a state."""
        try:
            wait_until(lambda: self.store.studies.get(study.id).state is state, f"the study is {state}")
        except AssertionError as exc:
            raise AssertionError(f"{exc}; {self.story(study)}") from None
        return self.store.studies.get(study.id)

    def story(self, study: StudyRecord) -> str:
        """What happened so far, for a message."""
        now = self.store.studies.get(study.id)
        events = reversed(self.store.events.list(study.id).items)
        told = [f"{e.at:%X.%f} {e.kind} {e.trial}/{e.attempt} {e.state} {e.detail}" for e in events]
        return "\n".join([f"study {now.state}, {now.error}, {now.shortage}", *told])

    def wait_for_epochs(self, study: StudyRecord, epochs: int) -> TrialRecord:
        """The study's first trial, once that many epochs are recorded."""
        wait_until(
            lambda: self.store.studies.get(study.id).spent_epochs >= epochs, f"{epochs} epochs recorded"
        )
        return self.store.trials.get(study.id, 0)


@pytest.fixture(scope="session")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """SQLite is enough here: the store's own suite runs on both kinds of database."""
    folder = tmp_path_factory.mktemp("dispatch")
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 2,
            "object_store_memory": 80 << 20,
            "_system_config": {"health_check_period_ms": 300},  # a killed node is noticed within 2 s
        },
        shutdown_at_exit=False,  # else a removed node's reaper may end this process's group
    )
    engine = create_engine(f"sqlite:///{folder / 'spnas.db'}")
    migrate.upgrade(engine)
    settings = DispatchSettings(
        checkpoint_dir=str(folder / "checkpoints"),
        ray_address=cluster.address,
        tick_seconds=0.05,
        survey_seconds=0.5,
        retry_backoff_seconds=0.1,
        idle_worker_seconds=60,
        max_crashes=1,
        max_failures_in_a_row=3,
    )
    bench = Bench(engine, settings, cluster)
    yield bench
    bench.stop()
    engine.dispose()
    cluster.shutdown()  # type: ignore[no-untyped-call]  # Ray leaves it untyped


@pytest.fixture
def bench(shared_bench: Bench) -> Bench:
    """The shared one, with its dispatcher running."""
    if shared_bench.dispatcher is None:
        shared_bench.start()
    return shared_bench


@pytest.fixture
def checkpoint_dir(shared_bench: Bench) -> Path:
    """Where the bench's checkpoints lie."""
    return Path(shared_bench.settings.checkpoint_dir)
