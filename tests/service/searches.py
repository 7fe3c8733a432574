"""Trials as the dispatcher records them, without the searches."""

from collections.abc import Sequence

from nas_worker.job import EpochReport
from service.db.store import Store
from service.domain.records import Lease, TrialRecord
from solver.base import Suggestion

ARCHITECTURE = ("3x3-3-0", "5x5-6-0.25", "3x3-6-0.5", "skip") * 5

GATE_MARGINS = ((0.12, -0.3, 0.0, 0.4, -0.05),) * 20


def lease(store: Store) -> Lease:
    """The right to write trials."""
    held = store.dispatch.acquire_lease("test", ttl_seconds=600)
    assert held is not None
    return held


def epoch_report(epoch: int, *, accuracy: float = 0.9, runtime_ms: float = 78.0) -> EpochReport:
    """What a worker reports at the end of an epoch."""
    checkpoint = f"checkpoint-{epoch}"
    return EpochReport(
        epoch, 0.5 / epoch, accuracy, runtime_ms, 1.5, ARCHITECTURE, checkpoint, gate_margins=GATE_MARGINS
    )


def start_trial(store: Store, study_id: str, *, lambda_: float = 1.0, epochs: int = 8) -> TrialRecord:
    """A trial that runs."""
    held = lease(store)
    trial = store.dispatch.add_trial(held, study_id, Suggestion(lambda_, epochs))
    assert trial is not None
    started = store.dispatch.start_trial(held, trial.id, trial.attempt, "worker-1")
    assert started is not None
    return started


def finished_trial(
    store: Store,
    study_id: str,
    *,
    lambda_: float = 1.0,
    epochs: int = 8,
    accuracy: float = 0.9,
    runtime_ms: float = 78.0,
) -> TrialRecord:
    """A trial that completed with an outcome."""
    trial = start_trial(store, study_id, lambda_=lambda_, epochs=epochs)
    reports: Sequence[EpochReport] = [
        epoch_report(epoch, accuracy=accuracy, runtime_ms=runtime_ms) for epoch in range(1, epochs + 1)
    ]
    held = lease(store)
    assert store.dispatch.record_epochs(held, trial.id, trial.attempt, reports) == epochs
    assert store.dispatch.complete_trial(held, trial.id, trial.attempt)
    return store.trials.get(study_id, trial.number)
