"""A study for another target that starts with what an earlier one has found."""

import secrets
from collections.abc import Sequence

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from service.db import events
from service.db.columns import UtcNow
from service.db.derive import columns_of, spec_of, study_records
from service.db.models import EpochRow, StudyRow, TrialRow
from service.db.session import Database
from service.db.statements import find_study
from service.domain.errors import ConflictError, InvalidFieldError
from service.domain.events import EventKind
from service.domain.records import StudyRecord
from service.domain.spec import MAX_NAME_LENGTH
from service.domain.states import StudyState, TrialState
from service.domain.targets import in_short, targets_text

_COPIED = (
    "lambda_", "epochs", "hinge_target_ms", "seed", "attempt", "crashes", "platform_hash", "code_version",
    "dataset_fingerprint", "versions", "identity", "reused_study_id", "reused_number",
    "created_at", "started_at", "finished_at", "updated_at",
)  # fmt: skip


def retarget(
    database: Database,
    study_id: str,
    targets_ms: tuple[float, ...],
    budget_epochs: int | None,
    warnings: Sequence[str],
) -> StudyRecord:
    """See ``Studies.retarget``."""
    with database.writing() as session:
        source = find_study(session, study_id, lock=True)
        trials = session.scalars(
            select(TrialRow)
            .where(TrialRow.study_key == source.key, TrialRow.state == TrialState.COMPLETED)
            .order_by(TrialRow.number)
        ).all()
        if not trials:
            raise ConflictError(f"the study {study_id!r} has no finished trial that could be scored anew")
        if budget_epochs is not None and budget_epochs < source.epochs_max:
            raise InvalidFieldError(
                "budget_epochs",
                f"budget_epochs must buy one trial at full fidelity ({source.epochs_max} epochs); "
                f"got {budget_epochs}",
            )
        spent = sum(trial.epochs for trial in trials if trial.reused_study_id is None)
        spec = spec_of(source)
        spec = spec.model_copy(
            update={
                "name": f"{spec.name} for {targets_text(targets_ms)} ms"[:MAX_NAME_LENGTH],
                "target_runtime_ms": in_short(targets_ms),
                "budget_epochs": max(spent + (budget_epochs or 0), spec.epochs.max),
            }
        )
        origin = f"{len(trials)} finished trials ({spent} epochs) were taken over from the study {study_id}"
        row = StudyRow(
            id=secrets.token_hex(8),
            state=StudyState.COMPLETED if budget_epochs is None else StudyState.PENDING,
            revision=1,
            created_at=UtcNow(),
            updated_at=UtcNow(),
            warnings=[*warnings, origin],
            **columns_of(spec),
        )
        session.add(row)
        session.flush()
        _copy(session, trials, row.key)
        events.record(session.connection(), row.key, EventKind.RETARGETED, state=row.state, detail=origin)
        aim = f"for {targets_text(targets_ms)} ms, as the study {row.id}"
        events.record(session.connection(), source.key, EventKind.RETARGETED, detail=aim)
        return study_records(session, [row])[0]


def _copy(session: Session, trials: Sequence[TrialRow], study_key: int) -> None:
    """Copies trials, numbered anew, and their epochs. Checkpoints stay with the trial that wrote them."""
    copies = [
        TrialRow(
            study_key=study_key,
            number=number,
            state=TrialState.COMPLETED,
            **{name: getattr(trial, name) for name in _COPIED},
        )
        for number, trial in enumerate(trials)
    ]
    session.add_all(copies)
    session.flush()
    new_ids = {trial.id: copy.id for trial, copy in zip(trials, copies, strict=True)}
    names = [column.key for column in EpochRow.__mapper__.column_attrs]
    epochs = session.scalars(
        select(EpochRow)
        .join(TrialRow, TrialRow.id == EpochRow.trial_id)
        .where(TrialRow.study_key == trials[0].study_key, TrialRow.state == TrialState.COMPLETED)
    )
    rows = [
        {name: getattr(epoch, name) for name in names}
        | {"trial_id": new_ids[epoch.trial_id], "checkpoint": None}
        for epoch in epochs
    ]
    session.execute(insert(EpochRow), rows)
