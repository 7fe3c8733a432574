"""Short ways to put a study into a state."""

from typing import Any

from service.db.store import Store
from service.domain.records import Lease, StudyRecord, TrialRecord
from service.domain.spec import StudySpec
from solver.base import Suggestion


def study_spec(**fields: Any) -> StudySpec:
    """A spec for 80 ms."""
    return StudySpec.model_validate({"target_runtime_ms": 80, **fields})


def new_study(store: Store, **fields: Any) -> StudyRecord:
    """A pending study."""
    return store.studies.create(study_spec(**fields))[0]


def queued_trial(
    store: Store, lease: Lease, study: StudyRecord, lambda_: float = 1.0, epochs: int = 8
) -> TrialRecord:
    """A trial that waits."""
    trial = store.dispatch.add_trial(lease, study.id, Suggestion(lambda_, epochs))
    assert trial is not None
    return trial


def running_trial(store: Store, lease: Lease, study: StudyRecord, epochs: int = 8) -> TrialRecord:
    """A trial that runs for the first time."""
    trial = queued_trial(store, lease, study, epochs=epochs)
    started = store.dispatch.start_trial(lease, trial.id, trial.attempt, "worker")
    assert started is not None
    return started
