"""Studies in the store: what users do with them."""

import hashlib
import json
import math
import secrets
from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from sqlalchemy import BigInteger, ColumnElement, delete, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from service.db import events
from service.db.columns import UtcNow
from service.db.derive import best_of, columns_of, spec_of, study_records, usage_of
from service.db.models import DeletedStudyRow, IdempotencyKeyRow, StudyRow
from service.db.paging import check_page_size, make_page, read_token
from service.db.retarget import retarget
from service.db.session import Database
from service.db.statements import check_text, find_study, upsert
from service.db.transitions import cancel_queued_trials, set_study_state
from service.domain.errors import (
    ConflictError,
    IdempotencyKeyReusedError,
    InvalidFieldError,
    NoBestTrialError,
    PreconditionFailedError,
)
from service.domain.events import EventKind
from service.domain.records import Page, StudyRecord, TrialRecord
from service.domain.spec import StudySpec
from service.domain.states import StudyState, TrialState

_CHANGEABLE = ("name", "tags", "notes", "budget_epochs", "max_parallel_trials", "trial_timeout_seconds")


class Studies:
    """Studies: create, read, change, delete."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, spec: StudySpec, *, warnings: Sequence[str] = (), idempotency_key: str | None = None
    ) -> tuple[StudyRecord, bool]:
        """Creates a pending study.

        Args:
            spec: What is asked for.
            warnings: See :class:`StudyRecord`.
            idempotency_key: With the key and the spec of an earlier call, that call's study is returned as it
                stands now. Deleting a study frees its key.

        Returns:
            The study, and whether it is new.

        Raises:
            IdempotencyKeyReusedError: The key came with another spec before.
            InvalidFieldError: The key is empty or longer than 255 characters.
        """
        if idempotency_key is not None:
            check_text("Idempotency-Key", idempotency_key, 255)
            if not idempotency_key:
                raise InvalidFieldError("Idempotency-Key", "Idempotency-Key must not be empty")
        with self._database.writing() as session:
            row = StudyRow(
                id=secrets.token_hex(8),
                state=StudyState.PENDING,
                revision=1,
                created_at=UtcNow(),
                updated_at=UtcNow(),
                warnings=[*warnings],
                **columns_of(spec),
            )
            session.add(row)
            session.flush()
            if idempotency_key is None or _claim(session, idempotency_key, spec, row):
                events.record(session.connection(), row.key, EventKind.CREATED, state=StudyState.PENDING)
                return study_records(session, [row])[0], True
            session.rollback()
        replay = self._replay(spec, idempotency_key)
        if replay is None:  # deleted at this moment, so the key is free again
            return self.create(spec, warnings=warnings, idempotency_key=idempotency_key)
        return replay, False

    def get(self, study_id: str) -> StudyRecord:
        """The study.

        Raises:
            NotFoundError: There is no such study.
        """
        with self._database.reading() as session:
            return study_records(session, [find_study(session, study_id)])[0]

    def revision(self, study_id: str) -> int:
        """The study's revision, by one cheap query.

        Raises:
            NotFoundError: There is no such study.
        """
        with self._database.reading() as session:
            return find_study(session, study_id).revision

    def list(
        self,
        *,
        states: Sequence[StudyState] = (),
        query: str = "",
        page_size: int = 50,
        page_token: str | None = None,
    ) -> Page[StudyRecord]:
        """Studies, newest first.

        Args:
            states: Only these; none: all.
            query: Only those with this text in their name, their id or one of their tags; case does not
                matter (PostgreSQL: as its locale has it; SQLite: of ASCII letters).
            page_size: Most studies on the page, up to 1000.
            page_token: ``next_page_token`` of the page before, with the same filters.

        Raises:
            InvalidFieldError: Of ``page_size``, ``page_token`` or ``q``.
        """
        check_page_size(page_size)
        check_text("q", query, 200)
        list_id = ("studies", sorted(states), query)
        statement = select(StudyRow).order_by(StudyRow.key.desc()).limit(page_size + 1)
        if page_token is not None:
            (last,) = read_token(page_token, list_id, (int,))
            statement = statement.where(StudyRow.key < literal(last, BigInteger()))
        if states:
            statement = statement.where(StudyRow.state.in_(states))
        with self._database.reading() as session:
            if query:
                statement = statement.where(_mentions(session, query))
            rows = make_page(session.scalars(statement).all(), page_size, list_id, lambda row: (row.key,))
            return Page(study_records(session, rows.items), rows.next_page_token)

    def update(
        self, study_id: str, *, changes: Mapping[str, object], if_revision: int | None = None
    ) -> StudyRecord:
        """Changes name, tags, notes, budget_epochs, max_parallel_trials or trial_timeout_seconds.

        A completed study whose budget is raised runs again.

        Args:
            study_id: The study.
            changes: New values by field name of StudySpec; fields left out stay.
            if_revision: Only if the study is still at this revision.

        Raises:
            NotFoundError: There is no such study.
            PreconditionFailedError: It is at another revision.
            InvalidFieldError: A field cannot be changed or is not valid, or the budget is below what is spent
                and reserved.
        """
        for name in changes:
            if name not in _CHANGEABLE:
                raise InvalidFieldError(name, f"{name} cannot be changed; {', '.join(_CHANGEABLE)} can")
        with self._database.writing() as session:
            row = find_study(session, study_id, lock=True)
            if if_revision not in (None, row.revision):
                raise PreconditionFailedError(f"the study is at revision {row.revision}, not {if_revision}")
            before = spec_of(row)
            after = _changed(before, changes)
            if after == before:
                return study_records(session, [row])[0]
            state = row.state
            if after.budget_epochs != before.budget_epochs:
                _check_budget(session, row, after.budget_epochs)
                change = f"{before.budget_epochs} -> {after.budget_epochs} epochs"
                events.record(session.connection(), row.key, EventKind.BUDGET, detail=change)
                if state is StudyState.COMPLETED and after.budget_epochs > before.budget_epochs:
                    state = StudyState.RUNNING
            return _write(session, row, state, **columns_of(after))

    def delete(self, study_id: str) -> None:
        """Deletes a study with its trials and epochs; the dispatcher then removes its checkpoints.

        Raises:
            NotFoundError: There is no such study.
            ConflictError: It is pending or running, or a trial of it still runs.
        """
        with self._database.writing() as session:
            row = find_study(session, study_id, lock=True)
            if row.state.is_active:
                raise ConflictError(f"the study is {row.state}; pause or cancel it before you delete it")
            running = usage_of(session, [row.key])[row.key].trial_counts[TrialState.RUNNING]
            if running:
                raise ConflictError(f"{running} trial(s) of the study still run; try again in a moment")
            session.add(DeletedStudyRow(id=row.id))
            session.execute(delete(StudyRow).where(StudyRow.key == row.key))

    def pause(self, study_id: str) -> StudyRecord:
        """Stops starting trials; those that run are handed back by the dispatcher. Twice is as good as once.

        Raises:
            NotFoundError: There is no such study.
            ConflictError: It has ended.
        """
        with self._database.writing() as session:
            row = find_study(session, study_id, lock=True)
            if row.state is StudyState.PAUSED:
                return study_records(session, [row])[0]
            _refuse_final(row, "paused")
            return _write(session, row, StudyState.PAUSED)

    def resume(self, study_id: str) -> StudyRecord:
        """Lets a paused study go on; one that is pending or running is left as it is.

        Raises:
            NotFoundError: There is no such study.
            ConflictError: It has ended.
        """
        with self._database.writing() as session:
            row = find_study(session, study_id, lock=True)
            if row.state.is_active:
                return study_records(session, [row])[0]
            _refuse_final(row, "resumed")
            has_trials = any(usage_of(session, [row.key])[row.key].trial_counts.values())
            return _write(session, row, StudyState.RUNNING if has_trials else StudyState.PENDING)

    def cancel(self, study_id: str) -> StudyRecord:
        """Ends a study with its queued trials; the dispatcher stops those that run. Twice is as good as once.

        Raises:
            NotFoundError: There is no such study.
            ConflictError: It has completed or failed.
        """
        with self._database.writing() as session:
            row = find_study(session, study_id, lock=True)
            if row.state is StudyState.CANCELLED:
                return study_records(session, [row])[0]
            _refuse_final(row, "cancelled")
            cancel_queued_trials(session.connection(), row.key)
            return _write(session, row, StudyState.CANCELLED)

    def retarget(
        self,
        study_id: str,
        *targets_ms: float,
        budget_epochs: int | None = None,
        warnings: Sequence[str] = (),
    ) -> StudyRecord:
        """Creates a study for other targets with this one's finished trials, scored anew at no cost.

        The copies count as spent in the new study, whose budget is what they took plus ``budget_epochs``.

        Args:
            study_id: The study whose finished trials are taken over.
            targets_ms: The new target in milliseconds, or several.
            budget_epochs: Epochs for new trials; None: the new study is complete at once.
            warnings: See :class:`StudyRecord`; where the trials come from is added.

        Raises:
            NotFoundError: There is no such study.
            ConflictError: It has no finished trial.
            InvalidFieldError: The budget buys no trial at full fidelity.
        """
        return retarget(self._database, study_id, targets_ms, budget_epochs, warnings)

    def best(self, study_id: str, target_runtime_ms: float | None = None) -> TrialRecord:
        """The completed trial at full fidelity with the highest reward; the lower number wins a tie.

        Args:
            study_id: The study.
            target_runtime_ms: Rewards are for this target, in milliseconds; none: the study's first.

        Raises:
            NotFoundError: There is no such study.
            NoBestTrialError: No trial at full fidelity has completed.
            InvalidFieldError: The target is not positive and finite.
        """
        if target_runtime_ms is not None and not 0 < target_runtime_ms < math.inf:
            raise InvalidFieldError(
                "target_runtime_ms", f"target_runtime_ms must be positive and finite; got {target_runtime_ms}"
            )
        with self._database.reading() as session:
            row = find_study(session, study_id)
            best = best_of(session, [row.key], target_runtime_ms).get(row.key)
            if best is None:
                raise NoBestTrialError(f"no trial of {row.epochs_max} epochs has completed yet")
            return best

    def _replay(self, spec: StudySpec, idempotency_key: str) -> StudyRecord | None:
        with self._database.reading() as session:
            claimed = session.execute(
                select(StudyRow, IdempotencyKeyRow.digest)
                .join(IdempotencyKeyRow, IdempotencyKeyRow.study_key == StudyRow.key)
                .where(IdempotencyKeyRow.key == idempotency_key)
            ).one_or_none()
            if claimed is None:
                return None
            row, digest = claimed
            if digest != _digest(spec):
                raise IdempotencyKeyReusedError(
                    f"the Idempotency-Key {idempotency_key!r} came with another study before; use a new one"
                )
            return study_records(session, [row])[0]


def _claim(session: Session, idempotency_key: str, spec: StudySpec, row: StudyRow) -> bool:
    """Whether the key was free. If another transaction claims it at the same time, waits for its end."""
    statement = upsert(session, IdempotencyKeyRow).values(
        key=idempotency_key, study_key=row.key, digest=_digest(spec), created_at=UtcNow()
    )
    claimed = statement.on_conflict_do_nothing().returning(IdempotencyKeyRow.key)
    return session.scalar(claimed) is not None


_LATER_FIELDS = ("trial_timeout_seconds", "reuse_trials")
"""Fields of StudySpec that are newer than the first keys. At their defaults they are left out of digests,
which so stay equal to those of older versions: a request may be repeated across an upgrade."""


def _digest(spec: StudySpec) -> str:
    content = spec.model_dump(mode="json")
    for name in _LATER_FIELDS:
        if getattr(spec, name) == StudySpec.model_fields[name].default:
            del content[name]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _mentions(session: Session, query: str) -> ColumnElement[bool]:
    each = func.json_each if session.get_bind().dialect.name == "sqlite" else func.json_array_elements_text
    tag = each(StudyRow.tags).table_valued("value", name="tag")
    return or_(
        StudyRow.name.icontains(query, autoescape=True),
        StudyRow.id.icontains(query, autoescape=True),
        exists(select(1).select_from(tag).where(tag.c.value.icontains(query, autoescape=True))),
    )


def _changed(spec: StudySpec, changes: Mapping[str, object]) -> StudySpec:
    try:
        return StudySpec.model_validate({**spec.model_dump(), **changes})
    except ValidationError as invalid:
        first = invalid.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise InvalidFieldError(field, f"{field}: {first['msg']}") from invalid


def _check_budget(session: Session, row: StudyRow, budget_epochs: int) -> None:
    usage = usage_of(session, [row.key])[row.key]
    if budget_epochs < usage.spent_epochs + usage.reserved_epochs:
        raise InvalidFieldError(
            "budget_epochs",
            f"budget_epochs must cover the {usage.spent_epochs} epochs that are spent and the "
            f"{usage.reserved_epochs} that are reserved; got {budget_epochs}",
        )


def _refuse_final(row: StudyRow, participle: str) -> None:
    if row.state.is_final:
        raise ConflictError(f"the study is {row.state} and cannot be {participle}")


def _write(session: Session, row: StudyRow, state: StudyState, **values: object) -> StudyRecord:
    """Writes the state and other columns of a locked study and gives it its next revision."""
    set_study_state(session.connection(), row, state, **values)
    session.refresh(row)
    return study_records(session, [row])[0]
