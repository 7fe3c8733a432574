"""Studies with plausible trials, written to a store by the dispatcher's own functions."""

from collections.abc import Iterable
from dataclasses import dataclass

from service.db.store import Store
from service.domain.records import Lease, StudyRecord, TrialRecord
from service.domain.spec import StudySpec
from solver.base import Suggestion
from tests.service.figures.plausible import Search

TRACEBACK = """Traceback (most recent call last):
  File "nas_worker/search.py", line 1, in run
nas_worker.errors.DivergedError: the loss is not finite at epoch 3: lower lambda or the learning rate"""


@dataclass(frozen=True)
class Studies:
    """Ids of filled studies, and numbers of two trials of the busy one."""

    empty: str
    single: str
    busy: str
    done: str
    failed_trial: int
    running_trial: int


def held_lease(store: Store) -> Lease:
    """The right to write trials."""
    lease = store.dispatch.acquire_lease("test", ttl_seconds=600)
    assert lease is not None
    return lease


def new_study(store: Store, **fields: object) -> StudyRecord:
    """A study for 80 ms unless the fields say otherwise."""
    study, _ = store.studies.create(StudySpec.model_validate({"target_runtime_ms": 80.0, **fields}))
    return study


def begin(store: Store, study_id: str, suggestion: Suggestion) -> TrialRecord:
    """A running trial."""
    lease = held_lease(store)
    trial = store.dispatch.add_trial(lease, study_id, suggestion)
    assert trial is not None
    started = store.dispatch.start_trial(lease, trial.id, trial.attempt, "worker-1")
    assert started is not None
    return started


def run(store: Store, study_id: str, found: Iterable[Search]) -> None:
    """Completed trials, one for each search."""
    for search in found:
        trial = begin(store, study_id, search.suggestion)
        lease = held_lease(store)
        store.dispatch.record_epochs(lease, trial.id, trial.attempt, search.reports)
        assert store.dispatch.complete_trial(lease, trial.id, trial.attempt)


def run_partly(store: Store, study_id: str, search: Search, epochs: int) -> TrialRecord:
    """A trial that still runs after its first epochs."""
    trial = begin(store, study_id, search.suggestion)
    store.dispatch.record_epochs(held_lease(store), trial.id, trial.attempt, search.reports[:epochs])
    return trial


def fail(store: Store, study_id: str, search: Search, epochs: int) -> None:
    """A trial that failed after its first epochs."""
    trial = run_partly(store, study_id, search, epochs)
    assert store.dispatch.fail_trial(held_lease(store), trial.id, trial.attempt, TRACEBACK)
