"""Adds a trial to a study, inside a transaction that has locked the study."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from service.db import events
from service.db.columns import UtcNow
from service.db.derive import Usage, spec_of, trial_by_id, usage_of
from service.db.models import StudyRow, TrialRow
from service.db.reuse import take_outcome
from service.db.transitions import check_suggestion, set_study_state
from service.domain.events import EventKind
from service.domain.provenance import Provenance, identity
from service.domain.records import TrialRecord
from service.domain.seeds import trial_seed
from service.domain.states import StudyState, TrialState
from solver.base import Suggestion


def add_trial(
    session: Session,
    study: StudyRow,
    suggestion: Suggestion,
    provenance: Provenance | None,
    versions: Mapping[str, str],
) -> TrialRecord | None:
    """See ``Dispatch.add_trial``; the study is active."""
    check_suggestion(study, suggestion)
    usage = usage_of(session, [study.key])[study.key]
    if usage.spent_epochs + usage.reserved_epochs + suggestion.epochs > study.budget_epochs:
        return None
    number = sum(usage.trial_counts.values())  # trials are never deleted alone
    trial = _new_row(study, number, suggestion, provenance, versions)
    session.add(trial)
    session.flush()
    origin = take_outcome(session, trial) if _may_reuse(study, usage, trial) else None
    if origin is None:
        kind, detail = EventKind.CREATED, None
    else:
        kind, detail = EventKind.REUSED, f"of trial {origin.number} of the study {origin.study_id}"
    events.record(
        session.connection(), study.key, kind, trial=number, attempt=0, state=trial.state, detail=detail
    )
    set_study_state(session.connection(), study, StudyState.RUNNING)
    return trial_by_id(session, trial.id)


def _new_row(
    study: StudyRow,
    number: int,
    suggestion: Suggestion,
    provenance: Provenance | None,
    versions: Mapping[str, str],
) -> TrialRow:
    trial = TrialRow(
        study_key=study.key,
        number=number,
        state=TrialState.QUEUED,
        lambda_=suggestion.lambda_,
        epochs=suggestion.epochs,
        hinge_target_ms=suggestion.hinge_target_ms,
        seed=trial_seed(study.seed, number),
        attempt=0,
        crashes=0,
        created_at=UtcNow(),
        updated_at=UtcNow(),
    )
    if provenance is not None:
        trial.platform_hash = provenance.platform_hash
        trial.code_version = provenance.code_version
        trial.dataset_fingerprint = provenance.dataset_fingerprint
        spec = spec_of(study)
        trial.identity = identity(
            spec.search,
            provenance,
            versions,
            threads=spec.resources.threads,
            gpus=spec.resources.gpus,
            lambda_=suggestion.lambda_,
            epochs=suggestion.epochs,
            seed=trial.seed,
            hinge_target_ms=suggestion.hinge_target_ms,
        )
    return trial


def _may_reuse(study: StudyRow, usage: Usage, trial: TrialRow) -> bool:
    """Not more epochs than the budget: so a solver ends for which every trial costs nothing."""
    has_room = usage.reused_epochs + trial.epochs <= study.budget_epochs
    return study.reuse_trials and has_room and trial.identity is not None
