"""How long the store's queries take at 10,000 studies and a million epochs, beside a hundred studies.

    python -m benchmarks.queries [--quick] [--json FILE]

The same queries on a database with a hundredth of the rows, and the ratio of both. All studies have as many
trials but the newest, which has 1,000 in both. SQLite has no statistics, as in use; PostgreSQL has those that
it makes by itself. The plans are proven by tests/service/db/test_queries.py.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks._filled import fill
from benchmarks._publish import print_figures, write_json
from benchmarks.store import ARCHITECTURE, postgres_server
from nas_worker.job import EpochReport
from service.db.engine import opened_engine
from service.db.store import Store
from service.domain.records import Lease
from service.domain.spec import StudySpec
from solver.base import Suggestion

_SMALL = 100
_TRIALS_EACH, _TRIALS_OF_LAST = 21, 1000
_ACTIVE_STUDIES = 8
_REPEATS = 15
_REPORT = EpochReport(1, 0.5, 0.9, 78.0, 1.0, ARCHITECTURE, "file")


@dataclass(frozen=True, slots=True)
class Subject:
    """A filled database.

    Attributes:
        store: On it.
        lease: To write trials with.
        last: The id of the newest of the completed studies, which has most trials.
        active: The id of one that runs.
    """

    store: Store
    lease: Lease
    last: str
    active: str


def _filled(engine: Engine, studies: int) -> Subject:
    last = fill(engine, studies=studies, trials_each=_TRIALS_EACH, trials_of_last=_TRIALS_OF_LAST)
    store = Store(engine)
    lease = store.dispatch.acquire_lease("benchmark", 3600)
    assert lease is not None
    spec = StudySpec(target_runtime_ms=80, budget_epochs=1_000_000, reuse_trials=False)
    active = [store.studies.create(spec)[0].id for _ in range(_ACTIVE_STUDIES)]
    for study_id in active:
        _run_trial(store, lease, study_id)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
    return Subject(store, lease, last, active[0])


def _run_trial(store: Store, lease: Lease, study_id: str) -> None:
    """A trial that is queued, starts, and records its first epoch."""
    trial = store.dispatch.add_trial(lease, study_id, Suggestion(1.0, 2))
    assert trial is not None
    store.dispatch.start_trial(lease, trial.id, 0, "worker")
    assert store.dispatch.record_epochs(lease, trial.id, 1, [_REPORT]) == 1


def queries(subject: Subject) -> Mapping[str, Callable[[], object]]:
    """What pages, clients, the dispatcher and monitoring ask for."""
    store, last = subject.store, subject.last
    return {
        "list_studies": store.studies.list,
        "get_study": lambda: store.studies.get(last),
        "trials_page": lambda: store.trials.list(last, order_by="reward"),
        "trial_epochs": lambda: store.trials.epochs(last, 0),
        "events_page": lambda: store.events.list(last),
        "history": lambda: store.trials.history(last),
        "active_studies": store.dispatch.active_studies,
        "unfinished_trials": store.dispatch.unfinished_trials,
        "trial_with_an_epoch": lambda: _run_trial(store, subject.lease, subject.active),
        "totals": store.totals,
    }


@contextmanager
def subjects(studies: int) -> Iterator[dict[str, Subject]]:
    """A small and a large database of each kind."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        new_database = stack.enter_context(postgres_server())
        found = {}
        for size, count in (("small", _SMALL), ("large", studies)):
            for kind, url in (
                ("sqlite", f"sqlite:///{folder}/{size}.db"),
                ("postgresql", new_database(size)),
            ):
                engine = stack.enter_context(opened_engine(url))
                found[f"{kind}_{size}"] = _filled(engine, count)
        yield found


def median_ms(query: Callable[[], object]) -> float:
    """Of a few calls, after one that compiles the statements and warms the cache."""
    query()
    times = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        query()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def measure(studies: int) -> dict[str, float]:
    """Milliseconds at the large size, and the ratio to the small one."""
    figures = {}
    with subjects(studies) as found:
        for kind in ("sqlite", "postgresql"):
            small, large = queries(found[f"{kind}_small"]), queries(found[f"{kind}_large"])
            for name in small:
                before = median_ms(small[name])
                figures[f"{kind}_{name}_ms"] = median_ms(large[name])
                figures[f"{kind}_{name}_ratio_to_small"] = figures[f"{kind}_{name}_ms"] / before
    return figures


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.queries", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="1,000 studies; ends within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    arguments = parser.parse_args()
    studies = 1_000 if arguments.quick else 10_000
    figures = measure(studies)
    print_figures(figures)
    if arguments.json is not None:
        settings = {
            "studies": studies,
            "small_studies": _SMALL,
            "trials_of_each": _TRIALS_EACH,
            "trials_of_last": _TRIALS_OF_LAST,
        }
        write_json(arguments.json, "queries", ("sqlalchemy", "psycopg"), settings, figures)


if __name__ == "__main__":
    main()
