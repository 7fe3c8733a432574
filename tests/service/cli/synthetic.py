"""Works off a study as a dispatcher does, with the study's own solver, but with outcomes from a formula."""

import math
from collections.abc import Callable

from nas_worker.job import EpochReport
from service.db.store import Store
from service.domain.records import TrialRecord
from service.domain.states import StudyState
from solver.base import Observation
from tests.service.searches import ARCHITECTURE, lease

Outcome = Callable[[float, int], tuple[float, float]]


def overshooting(lambda_: float, epochs: int) -> tuple[float, float]:
    """(accuracy, runtime_ms): longer searches are more accurate, and shrink the network further."""
    pull = math.log10(lambda_) + 1 + 0.12 * (epochs - 8)
    return 0.6 + 0.3 * (1 - math.exp(-epochs / 3)), 60 + 60 / (1 + math.exp(5 * pull))


def work_off(store: Store, study_id: str, outcome: Outcome = overshooting, *, at_most: int = 10_000) -> int:
    """Runs trials until the solver has no more; then the study is completed. Returns how many ran."""
    study = store.studies.get(study_id)
    for done in range(at_most):
        history = [_observation(trial) for trial in store.trials.history(study_id)]
        left = store.studies.get(study_id).left_epochs
        suggestion = study.spec.solver.suggest(study.spec.problem, history, [], left)
        if suggestion is None:
            store.dispatch.finish_study(lease(store), study_id, StudyState.COMPLETED)
            return done
        trial = store.dispatch.add_trial(lease(store), study_id, suggestion)
        assert trial is not None
        started = store.dispatch.start_trial(lease(store), trial.id, trial.attempt, "worker")
        assert started is not None
        accuracy, runtime_ms = outcome(trial.lambda_, trial.epochs)
        reports = [
            EpochReport(epoch, 0.1, accuracy, runtime_ms, 1.0, ARCHITECTURE, None)
            for epoch in range(1, trial.epochs + 1)
        ]
        store.dispatch.record_epochs(lease(store), trial.id, started.attempt, reports)
        store.dispatch.complete_trial(lease(store), trial.id, started.attempt)
    return at_most


def _observation(trial: TrialRecord) -> Observation:
    return Observation(trial.number, trial.lambda_, trial.epochs, trial.accuracy, trial.runtime_ms)
