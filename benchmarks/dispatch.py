"""How long a worker waits for its next trial, beside a fresh trial of Ray Tune's, and how busy workers are.

    python -m benchmarks.dispatch [--quick] [--json FILE]

Real Ray, the real dispatcher and a store on SQLite; only the search sleeps instead of training. The gap is
the time from a search's end to the next one's begin on the same worker: recording the end, the solver's
suggestion, the claim, the start. Ray Tune runs the same sleeping search one trial at a time on the same
machine, each in a process of its own, as it does by default. The busy share is that of two workers from
their first search's begin to their last one's end, with epochs of 5 s.
"""

import argparse
import logging
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

import ray
from ray import tune

from benchmarks._publish import print_figures, write_json
from benchmarks._sleeping import Busy, SleepingWorker, images_of, sleep_trial
from service.db import migrate
from service.db.engine import opened_engine
from service.db.store import Store
from service.dispatch import Dispatcher, DispatchSettings
from service.domain.spec import StudySpec
from service.domain.states import StudyState

_WORKERS = 2
_SOLVERS = ("random", "composite")
_GAP_EPOCHS, _GAP_EPOCH_SECONDS = 2, 0.1
_BUSY_EPOCH_SECONDS = 5.0
_POLL_SECONDS = 0.1
_STOP_SECONDS = 30.0


class Bench:
    """A dispatcher at work on a store of its own."""

    def __init__(self, store: Store, checkpoint_dir: Path) -> None:
        self._store = store
        self._checkpoint_dir = checkpoint_dir

    def run(self, solver: str, *, workers: int, trials: int, epochs: int, epoch_seconds: float) -> list[Busy]:
        """Runs a study to its end and returns its searches.

        Raises:
            RuntimeError: The study failed.
        """
        spec = StudySpec.model_validate(
            {
                "target_runtime_ms": 80,
                "solver": {"kind": solver},
                "epochs": {"min": epochs, "max": epochs},
                "budget_epochs": trials * epochs,
                "max_parallel_trials": workers,
                "search": {"max_train_images": images_of(epoch_seconds)},
                "reuse_trials": False,
            }
        )
        study, _ = self._store.studies.create(spec)
        while not (study := self._store.studies.get(study.id)).state.is_final:
            time.sleep(_POLL_SECONDS)
        if study.state is not StudyState.COMPLETED:
            raise RuntimeError(f"the study with the solver {solver} is {study.state}: {study.error}")
        searches = Busy.read_all(self._checkpoint_dir / study.id)
        assert len(searches) == trials
        return searches


@contextmanager
def dispatching(folder: Path) -> Iterator[Bench]:
    """Starts a dispatcher with an engine for two trials at a time."""
    settings = DispatchSettings(checkpoint_dir=str(folder / "checkpoints"), embedded_cpus=_WORKERS)
    with opened_engine(f"sqlite:///{folder / 'spnas.db'}") as engine:
        migrate.upgrade(engine)
        store = Store(engine)
        with patch("service.dispatch.engine.SearchWorker", SleepingWorker):
            dispatcher = Dispatcher(store, settings)
            dispatcher.start()
            try:
                yield Bench(store, Path(settings.checkpoint_dir))
            finally:
                stopped = dispatcher.stop(_STOP_SECONDS)
        if not stopped:
            raise RuntimeError(f"the dispatcher has not stopped within {_STOP_SECONDS:g} s")


def tune_searches(folder: Path, trials: int) -> list[Busy]:
    """Runs trials of Ray Tune's one after the other and returns their searches."""
    ray.init(
        address="local",
        num_cpus=_WORKERS,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        config = {
            "folder": str(folder / "searches"),
            "epochs": _GAP_EPOCHS,
            "epoch_seconds": _GAP_EPOCH_SECONDS,
        }
        tuner = tune.Tuner(
            tune.with_resources(sleep_trial, {"cpu": 1}),
            param_space=config,
            tune_config=tune.TuneConfig(num_samples=trials, max_concurrent_trials=1),
            run_config=tune.RunConfig(storage_path=str(folder / "tune"), verbose=0),
        )
        results = tuner.fit()
        if results.errors:
            raise RuntimeError(f"Ray Tune: {results.errors[0]}")
    finally:
        ray.shutdown()
    return Busy.read_all(folder / "searches")


def gaps_ms(searches: Sequence[Busy]) -> list[float]:
    """From each search's end to the next one's begin; they ran one after the other."""
    return [1000 * (later.begin - earlier.end) for earlier, later in pairwise(searches)]


def busy_share(searches: Sequence[Busy]) -> float:
    """Of the time from each worker's first begin to its last end, the share in which a search ran."""
    of_worker: defaultdict[int, list[Busy]] = defaultdict(list)
    for search in searches:
        of_worker[search.process].append(search)
    busy = sum(search.end - search.begin for search in searches)
    return busy / sum(each[-1].end - each[0].begin for each in of_worker.values())


def measure(gap_trials: int, busy_trials: int, busy_epochs: int, epoch_seconds: float) -> dict[str, float]:
    """Gaps of both, then the busy share over ``busy_trials`` trials of so many epochs."""
    figures = {}
    with tempfile.TemporaryDirectory(prefix="spnas-bench-") as name:
        folder = Path(name)
        with dispatching(folder) as bench:
            for solver in _SOLVERS:
                searches = bench.run(
                    solver,
                    workers=1,
                    trials=gap_trials,
                    epochs=_GAP_EPOCHS,
                    epoch_seconds=_GAP_EPOCH_SECONDS,
                )
                figures[f"{solver}_gap_ms"] = statistics.median(gaps_ms(searches))
            searches = bench.run(
                "random",
                workers=_WORKERS,
                trials=busy_trials,
                epochs=busy_epochs,
                epoch_seconds=epoch_seconds,
            )
            figures["busy_share"] = busy_share(searches)
        figures["tune_gap_ms"] = statistics.median(gaps_ms(tune_searches(folder, gap_trials)))
    for solver in _SOLVERS:
        figures[f"tune_gap_ratio_to_{solver}"] = figures["tune_gap_ms"] / figures[f"{solver}_gap_ms"]
    return figures


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dispatch", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter trials; ends within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    arguments = parser.parse_args()
    gap_trials, busy_trials, busy_epochs = (6, 4, 2) if arguments.quick else (30, 8, 8)
    figures = measure(gap_trials, busy_trials, busy_epochs, _BUSY_EPOCH_SECONDS)
    print_figures(figures)
    if arguments.json is not None:
        settings = {
            "gap_trials": gap_trials,
            "busy_trials": busy_trials,
            "busy_epochs": busy_epochs,
            "busy_epoch_seconds": _BUSY_EPOCH_SECONDS,
            "workers": _WORKERS,
            "database": "sqlite",
        }
        write_json(arguments.json, "dispatch", ("ray", "sqlalchemy", "torch"), settings, figures)


if __name__ == "__main__":
    main()
