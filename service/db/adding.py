"""Adds a trial to a study."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, String, bindparam, insert, literal

from service.db import events
from service.db.columns import UtcNow
from service.db.derive import Usage, spec_of, trial_by_id, trial_record, usage_of, written_trial
from service.db.models import TrialRow
from service.db.reuse import take_outcome
from service.db.transitions import check_suggestion, set_study_state, touch_active_study
from service.domain.events import EventKind
from service.domain.provenance import Provenance, identity
from service.domain.records import Lease, TrialRecord
from service.domain.seeds import trial_seed
from service.domain.states import StudyState, TrialState
from solver.base import Suggestion

_INSERT = (
    insert(TrialRow)
    .values(created_at=UtcNow(), updated_at=UtcNow())
    .returning(*written_trial(bindparam("of_study", type_=String()), literal(0)))
)


def add_trial(
    connection: Connection,
    lease: Lease,
    study_id: str,
    suggestion: Suggestion,
    *,
    provenance: Provenance | None,
    versions: Mapping[str, str],
) -> TrialRecord | None:
    """See ``Dispatch.add_trial``; without a trial, roll back."""
    study = touch_active_study(connection, lease, study_id)
    if study is None:
        return None
    check_suggestion(study, suggestion)
    usage = usage_of(connection, [study.key])[study.key]
    if usage.spent_epochs + usage.reserved_epochs + suggestion.epochs > study.budget_epochs:
        return None
    number = sum(usage.trial_counts.values())  # trials are never deleted alone
    columns = _columns(study, number, suggestion, provenance, versions)
    trial = trial_record(connection.execute(_INSERT, columns | {"of_study": study_id}).one())
    origin = None
    if _may_reuse(study, usage, trial):
        origin = take_outcome(connection, trial)
    kind, detail = EventKind.CREATED, None
    if origin is not None:
        trial = trial_by_id(connection, trial.id)
        kind, detail = EventKind.REUSED, f"of trial {origin.number} of the study {origin.study_id}"
    events.record(connection, study.key, kind, trial=number, attempt=0, state=trial.state, detail=detail)
    if study.state is not StudyState.RUNNING:
        set_study_state(connection, study, StudyState.RUNNING)
    return trial


def _columns(
    study: Row[*tuple[Any, ...]],
    number: int,
    suggestion: Suggestion,
    provenance: Provenance | None,
    versions: Mapping[str, str],
) -> dict[str, Any]:
    seed = trial_seed(study.seed, number)
    columns: dict[str, Any] = {
        "study_key": study.key,
        "number": number,
        "state": TrialState.QUEUED,
        "lambda": suggestion.lambda_,
        "epochs": suggestion.epochs,
        "hinge_target_ms": suggestion.hinge_target_ms,
        "seed": seed,
        "attempt": 0,
        "crashes": 0,
        "platform_hash": None,
        "code_version": None,
        "dataset_fingerprint": None,
        "identity": None,
    }
    if provenance is None:
        return columns
    spec = spec_of(study)
    return columns | {
        "platform_hash": provenance.platform_hash,
        "code_version": provenance.code_version,
        "dataset_fingerprint": provenance.dataset_fingerprint,
        "identity": identity(
            spec.search,
            provenance,
            versions,
            threads=spec.resources.threads,
            gpus=spec.resources.gpus,
            lambda_=suggestion.lambda_,
            epochs=suggestion.epochs,
            seed=seed,
            hinge_target_ms=suggestion.hinge_target_ms,
        ),
    }


def _may_reuse(study: Row[*tuple[Any, ...]], usage: Usage, trial: TrialRecord) -> bool:
    """Not more epochs than the budget: so a solver ends for which every trial costs nothing."""
    has_room: bool = usage.reused_epochs + trial.epochs <= study.budget_epochs
    return study.reuse_trials and has_room and trial.identity is not None
