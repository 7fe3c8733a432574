"""What is derived from the rows: rewards, outcomes, budgets, best trials, and the records made of them.

A fixed number of queries for any number of studies or trials.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Row,
    Select,
    and_,
    bindparam,
    case,
    func,
    inspect,
    literal,
    null,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from nas_worker.job import EpochReport
from service.db.models import EpochRow, StudyRow, TrialRow
from service.domain.provenance import Provenance, TrialOrigin
from service.domain.records import EpochRecord, StudyRecord, TrialRecord, TrialSummary
from service.domain.spec import StudySpec
from service.domain.states import TrialState

UNFINISHED = (TrialState.QUEUED, TrialState.RUNNING)

Outcome = aliased(EpochRow, name="outcome")
"""The last epoch of a completed trial; no row for other trials."""

EPOCHS_DONE = (
    select(func.count()).where(EpochRow.trial_id == TrialRow.id).correlate(TrialRow).scalar_subquery()
)
"""Number of recorded epochs of a trial."""

# Plain columns: to make objects of the session out of 10,000 trials and outcomes takes half as long again.
_TRIAL_COLUMNS = tuple(column.class_attribute.label(column.key) for column in inspect(TrialRow).column_attrs)

TrialSelect = Select[*tuple[Any, ...]]
TrialSelectRow = Row[*tuple[Any, ...]]
"""Its attributes have the names of those of a :class:`TrialRow` and of a :class:`TrialRecord`."""


Target = float | ColumnElement[float] | None
"""R_T in milliseconds: a number, an expression over the row's study, or none for the study's first."""


def reward_of_outcome(target_ms: Target = None) -> ColumnElement[float]:
    """Eq. 19 in SQL; equals :func:`solver.reward.reward` to the last bit. NULL without an outcome."""
    target: ColumnElement[float] | InstrumentedAttribute[float]
    match target_ms:
        case None:
            target = StudyRow.target_runtime_ms
        case ColumnElement():
            target = target_ms
        case _:
            target = literal(target_ms, Double())
    return case(
        (Outcome.runtime_ms <= target, Outcome.accuracy),
        else_=Outcome.accuracy * target / Outcome.runtime_ms,
    )


_HAS_OUTCOME = and_(
    Outcome.trial_id == TrialRow.id,
    Outcome.epoch == TrialRow.epochs,
    TrialRow.state == TrialState.COMPLETED,
)


def select_trials(target_ms: Target = None) -> TrialSelect:
    """Selects what :func:`trial_record` needs, joined with studies and outcomes; reward as above."""
    return (
        select(
            *_TRIAL_COLUMNS,
            StudyRow.id.label("study_id"),
            EPOCHS_DONE.label("epochs_done"),
            Outcome.accuracy,
            Outcome.runtime_ms,
            Outcome.architecture,
            reward_of_outcome(target_ms).label("reward"),
        )
        .join(StudyRow, StudyRow.key == TrialRow.study_key)
        .outerjoin(Outcome, _HAS_OUTCOME)
    )


def written_trial(
    study_id: ColumnElement[str], epochs_done: ColumnElement[int]
) -> tuple[ColumnElement[Any], ...]:
    """The columns of :func:`select_trials` for a statement that writes a trial and leaves it unfinished."""
    no_outcome = (null().label(name) for name in ("accuracy", "runtime_ms", "architecture", "reward"))
    return (*_TRIAL_COLUMNS, study_id.label("study_id"), epochs_done.label("epochs_done"), *no_outcome)


# Built once: building a statement costs more than sending it.
_TRIAL_BY_ID = select_trials().where(TrialRow.id == bindparam("trial_id"))
_USAGE = (
    select(
        TrialRow.study_key,
        TrialRow.state,
        func.count(),
        func.sum(TrialRow.epochs),
        func.sum(EPOCHS_DONE),
        func.sum(case((TrialRow.reused_study_id.is_not(None), TrialRow.epochs), else_=0)),
    )
    .where(TrialRow.study_key.in_(bindparam("study_keys", expanding=True)))
    .group_by(TrialRow.study_key, TrialRow.state)
)
_SELECT_SUMMARIES = (
    select(
        TrialRow.number,
        TrialRow.state,
        TrialRow.lambda_,
        TrialRow.epochs,
        EPOCHS_DONE,
        TrialRow.hinge_target_ms,
        TrialRow.attempt,
        Outcome.accuracy,
        Outcome.runtime_ms,
        reward_of_outcome(),
        TrialRow.started_at,
        TrialRow.finished_at,
    )
    .join(StudyRow, StudyRow.key == TrialRow.study_key)
    .outerjoin(Outcome, _HAS_OUTCOME)
    .order_by(TrialRow.number)
)
"""The columns are the fields of :class:`TrialSummary`, in their order."""


def trial_summaries(session: Session, study_key: int) -> tuple[TrialSummary, ...]:
    """All trials of a study by number, without architectures: to read those takes most of the time."""
    rows = session.execute(_SELECT_SUMMARIES.where(TrialRow.study_key == study_key))
    return tuple(TrialSummary(*row) for row in rows)


def trial_record(row: TrialSelectRow) -> TrialRecord:
    """Makes a record of a row of :func:`select_trials`."""
    return TrialRecord(
        id=row.id,
        study_id=row.study_id,
        number=row.number,
        state=row.state,
        lambda_=row.lambda_,
        epochs=row.epochs,
        epochs_done=row.epochs_done,
        hinge_target_ms=row.hinge_target_ms,
        seed=row.seed,
        attempt=row.attempt,
        crashes=row.crashes,
        provenance=_provenance_of(row),
        versions=row.versions,
        identity=row.identity,
        reused_from=_origin_of(row),
        worker=row.worker,
        accuracy=row.accuracy,
        runtime_ms=row.runtime_ms,
        reward=row.reward,
        architecture=None if row.architecture is None else tuple(row.architecture),
        error=row.error,
        created_at=row.created_at,
        started_at=row.started_at,
        attempt_started_at=row.attempt_started_at,
        finished_at=row.finished_at,
        updated_at=row.updated_at,
        retry_at=row.retry_at,
    )


def _provenance_of(trial: Any) -> Provenance | None:
    if trial.platform_hash is None or trial.code_version is None:
        return None
    return Provenance(trial.platform_hash, trial.dataset_fingerprint, trial.code_version)


def _origin_of(trial: Any) -> TrialOrigin | None:
    if trial.reused_study_id is None or trial.reused_number is None:
        return None
    return TrialOrigin(trial.reused_study_id, trial.reused_number)


def trial_by_id(connection: Connection, trial_id: int) -> TrialRecord:
    """The trial, which is there."""
    return trial_record(connection.execute(_TRIAL_BY_ID, {"trial_id": trial_id}).one())


def epoch_record(row: EpochRow) -> EpochRecord:
    """Makes a record of an epoch."""
    report = EpochReport(
        epoch=row.epoch,
        cross_entropy=row.cross_entropy,
        accuracy=row.accuracy,
        runtime_ms=row.runtime_ms,
        seconds=row.seconds,
        architecture=tuple(row.architecture),
        checkpoint=row.checkpoint,
        gate_margins=None if row.gate_margins is None else tuple(map(tuple, row.gate_margins)),
    )
    return EpochRecord(report=report, attempt=row.attempt, recorded_at=row.recorded_at)


@dataclass(slots=True)
class Usage:
    """What a study's trials have spent and reserved, in epochs, and how many there are in each state."""

    spent_epochs: int = 0
    reused_epochs: int = 0
    reserved_epochs: int = 0
    trial_counts: dict[TrialState, int] = field(default_factory=lambda: dict.fromkeys(TrialState, 0))


def usage_of(connection: Connection | Session, study_keys: Collection[int]) -> defaultdict[int, Usage]:
    """Usage by study key, in one query; a study without trials has used nothing."""
    rows = connection.execute(_USAGE, {"study_keys": [*study_keys]})
    usage: defaultdict[int, Usage] = defaultdict(Usage)
    for study_key, state, count, epochs, done, reused in rows:
        of_study = usage[study_key]
        of_study.trial_counts[state] = count
        of_study.spent_epochs += int(done) - int(reused)
        of_study.reused_epochs += int(reused)
        if state in UNFINISHED:
            of_study.reserved_epochs += int(epochs) - int(done)
    return usage


def best_of(
    session: Session, study_keys: Collection[int], target_ms: Target = None
) -> dict[int, TrialRecord]:
    """The best completed trial at full fidelity by study key, in one query.

    The lower number wins a tie. Studies that have none are left out.
    """
    full = select_trials(target_ms).where(
        TrialRow.study_key.in_(study_keys),
        TrialRow.state == TrialState.COMPLETED,
        TrialRow.epochs == StudyRow.epochs_max,
    )
    rank = func.row_number().over(
        partition_by=TrialRow.study_key,
        order_by=(reward_of_outcome(target_ms).desc(), TrialRow.number),
    )
    ranked = full.with_only_columns(TrialRow.id, rank.label("rank")).subquery()
    best = select_trials(target_ms).where(TrialRow.id.in_(select(ranked.c.id).where(ranked.c.rank == 1)))
    return {row.study_key: trial_record(row) for row in session.execute(best)}


def further_bests_of(session: Session, rows: Sequence[StudyRow]) -> defaultdict[int, list[TrialRecord]]:
    """The best trial for each target after the first, by study key; one query for all second ones etc."""
    bests: defaultdict[int, list[TrialRecord]] = defaultdict(list)
    targets_of = {row.key: _targets_of(row) for row in rows}
    for place in range(1, max(map(len, targets_of.values()), default=0)):
        targets: dict[Any, ColumnElement[float]] = {
            key: literal(targets_ms[place], Double())
            for key, targets_ms in targets_of.items()
            if place < len(targets_ms)
        }
        for key, best in best_of(session, targets.keys(), case(targets, value=StudyRow.key)).items():
            bests[key].append(best)
    return bests


def study_records(session: Session, rows: Sequence[StudyRow]) -> tuple[StudyRecord, ...]:
    """Makes records of studies, in their order.

    Two more queries for all of them, and one for each target that any of them has after its first.
    """
    if not rows:
        return ()
    keys = [row.key for row in rows]
    usage, best = usage_of(session, keys), best_of(session, keys)
    further = further_bests_of(session, rows)
    return tuple(
        StudyRecord(
            id=row.id,
            state=row.state,
            spec=spec_of(row),
            warnings=(*row.warnings, *(() if row.shortage is None else (row.shortage,))),
            shortage=row.shortage,
            reused_epochs=usage[row.key].reused_epochs,
            spent_epochs=usage[row.key].spent_epochs,
            reserved_epochs=usage[row.key].reserved_epochs,
            trial_counts=usage[row.key].trial_counts,
            best=best.get(row.key),
            revision=row.revision,
            created_at=row.created_at,
            updated_at=row.updated_at,
            error=row.error,
            further_bests=tuple(further[row.key]),
        )
        for row in rows
    )


def _targets_of(row: StudyRow | Row[*tuple[Any, ...]]) -> list[float]:
    return [row.target_runtime_ms, *(row.further_targets_ms or ())]


def spec_of(row: StudyRow | Row[*tuple[Any, ...]]) -> StudySpec:
    """The spec that a study's columns hold."""
    return StudySpec.model_validate(
        {
            "name": row.name,
            "target_runtime_ms": _targets_of(row),
            "platform": row.platform,
            "solver": row.solver,
            "lambda_range": {"low": row.lambda_low, "high": row.lambda_high},
            "epochs": {"min": row.epochs_min, "max": row.epochs_max},
            "budget_epochs": row.budget_epochs,
            "max_parallel_trials": row.max_parallel_trials,
            "reuse_trials": row.reuse_trials,
            "trial_timeout_seconds": row.trial_timeout_seconds,
            "seed": row.seed,
            "search": row.search,
            "resources": row.resources,
            "tags": row.tags,
            "notes": row.notes,
        }
    )


def columns_of(spec: StudySpec) -> dict[str, object]:
    """The columns of :class:`StudyRow` that hold a spec; the inverse of :func:`spec_of`."""
    columns = spec.model_dump(mode="json", exclude={"target_runtime_ms", "lambda_range", "epochs"})
    return columns | {
        "target_runtime_ms": spec.first_target_ms,
        "further_targets_ms": [*spec.targets_ms[1:]] or None,
        "lambda_low": spec.lambda_range.low,
        "lambda_high": spec.lambda_range.high,
        "epochs_min": spec.epochs.min,
        "epochs_max": spec.epochs.max,
    }
