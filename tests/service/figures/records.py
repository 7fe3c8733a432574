"""Records as the store hands them out, made without a database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from service.domain.records import EpochRecord, StudyRecord, TrialRecord
from service.domain.spec import StudySpec
from service.domain.states import StudyState, TrialState
from solver.reward import reward
from tests.service.figures.plausible import Search

START = datetime(2026, 11, 2, 22, 0, tzinfo=UTC)

Epochs = tuple[tuple[int, EpochRecord], ...]


def completed_trial(number: int, search: Search, target_ms: float, started_at: datetime) -> TrialRecord:
    """A trial that ran a search to its end."""
    last = search.reports[-1]
    finished_at = started_at + timedelta(seconds=sum(report.seconds for report in search.reports))
    return TrialRecord(
        id=number + 1,
        study_id="study",
        number=number,
        state=TrialState.COMPLETED,
        lambda_=search.suggestion.lambda_,
        epochs=search.suggestion.epochs,
        epochs_done=len(search.reports),
        hinge_target_ms=search.suggestion.hinge_target_ms,
        seed=number,
        attempt=1,
        crashes=0,
        worker=None,
        accuracy=last.accuracy,
        runtime_ms=last.runtime_ms,
        reward=reward(last.accuracy, last.runtime_ms, target_ms),
        architecture=last.architecture,
        error=None,
        created_at=started_at,
        attempt_started_at=None,
        provenance=None,
        versions=None,
        identity=None,
        reused_from=None,
        started_at=started_at,
        finished_at=finished_at,
        updated_at=finished_at,
        retry_at=None,
    )


def study_of(
    found: Sequence[Search], *, parallel: int = 2, **spec_fields: Any
) -> tuple[StudyRecord, tuple[TrialRecord, ...], Epochs]:
    """A study whose trials ran these searches, so many side by side."""
    spec = StudySpec.model_validate({"target_runtime_ms": 80.0, **spec_fields})
    trials = []
    epochs = []
    free_at = [START] * parallel
    for number, search in enumerate(found):
        lane = free_at.index(min(free_at))
        trial = completed_trial(number, search, spec.first_target_ms, free_at[lane])
        trials.append(trial)
        moment = free_at[lane]
        for report in search.reports:
            moment += timedelta(seconds=report.seconds)
            epochs.append((number, EpochRecord(report, attempt=1, recorded_at=moment)))
        free_at[lane] = moment
    epochs.sort(key=lambda pair: (pair[1].recorded_at, pair[0]))
    full = [trial for trial in trials if trial.epochs == spec.epochs.max]
    study = StudyRecord(
        id="study",
        state=StudyState.RUNNING if trials else StudyState.PENDING,
        spec=spec,
        warnings=(),
        spent_epochs=len(epochs),
        reserved_epochs=0,
        trial_counts={state: len(trials) if state is TrialState.COMPLETED else 0 for state in TrialState},
        best=max(full, key=lambda trial: (trial.reward or 0, -trial.number), default=None),
        revision=len(epochs) + 1,
        created_at=START,
        updated_at=max((trial.updated_at for trial in trials), default=START),
        error=None,
    )
    return study, tuple(trials), tuple(epochs)
