"""The tables. Only what cannot be derived is stored: no counters, no best trial, no reward."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Double,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from service.db.columns import UTCDateTime
from service.domain.access import Scope
from service.domain.events import EventKind
from service.domain.states import StudyState, TrialState

# SQLite numbers rows by itself only in a column of type INTEGER.
SurrogateKey = BigInteger().with_variant(Integer, "sqlite")


def _word_type(words: type[StrEnum], name: str) -> Enum:
    """One of a few words as readable text with a check, on every database alike."""
    return Enum(
        words,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    """Declarative base with names for all constraints, so that migrations can alter them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        float: Double(),
        datetime: UTCDateTime(),
        StudyState: _word_type(StudyState, "state"),
        TrialState: _word_type(TrialState, "state"),
        Scope: _word_type(Scope, "scope"),
        EventKind: _word_type(EventKind, "kind"),
    }


class StudyRow(Base):
    """A study: the fields of its StudySpec, and its state.

    Of several targets ``target_runtime_ms`` is the first, which rewards are for; ``further_targets_ms`` holds
    the others.
    ``shortage`` is what the engine lacks for its trials, while it does.
    ``key`` numbers studies in the order of creation and stays inside the database; ``id`` is public.
    """

    __tablename__ = "studies"
    __table_args__ = (
        CheckConstraint("target_runtime_ms > 0 AND target_runtime_ms < 1e9", name="target_runtime_ms"),
        CheckConstraint("0 < lambda_low AND lambda_low < lambda_high", name="lambda_range"),
        CheckConstraint("1 <= epochs_min AND epochs_min <= epochs_max", name="epochs_range"),
        CheckConstraint("budget_epochs >= epochs_max", name="budget_epochs"),
        CheckConstraint("max_parallel_trials >= 1", name="max_parallel_trials"),
        CheckConstraint("seed >= 0", name="seed"),
        Index(None, "state", "key"),
        # Keys of deleted studies are never given to new ones.
        {"sqlite_autoincrement": True},
    )

    key: Mapped[int] = mapped_column(SurrogateKey, primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    state: Mapped[StudyState]
    revision: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    error: Mapped[str | None] = mapped_column(Text)
    warnings: Mapped[list[str]] = mapped_column(JSON)
    shortage: Mapped[str | None] = mapped_column(Text)

    name: Mapped[str] = mapped_column(String(200))
    target_runtime_ms: Mapped[float]
    further_targets_ms: Mapped[list[float] | None] = mapped_column(JSON(none_as_null=True))
    platform: Mapped[str] = mapped_column(String(100))
    solver: Mapped[dict[str, Any]] = mapped_column(JSON)
    lambda_low: Mapped[float]
    lambda_high: Mapped[float]
    epochs_min: Mapped[int]
    epochs_max: Mapped[int]
    budget_epochs: Mapped[int]
    max_parallel_trials: Mapped[int]
    trial_timeout_seconds: Mapped[float | None]
    reuse_trials: Mapped[bool] = mapped_column(server_default=true())
    seed: Mapped[int] = mapped_column(BigInteger)
    search: Mapped[dict[str, Any]] = mapped_column(JSON)
    resources: Mapped[dict[str, Any]] = mapped_column(JSON)
    tags: Mapped[list[str]] = mapped_column(JSON)
    notes: Mapped[str] = mapped_column(Text)


class TrialRow(Base):
    """A trial. Its outcome is the row of its last epoch; its state changes by compare-and-set alone.

    ``platform_hash``, ``code_version`` and ``versions`` say what its latest attempt ran with. Trials with the
    same ``identity`` have the same outcome. One with a ``reused_study_id`` took it from that study's trial
    ``reused_number``, and its epochs are not spent.
    """

    __tablename__ = "trials"
    __table_args__ = (
        UniqueConstraint("study_key", "number"),
        CheckConstraint("number >= 0", name="number"),
        CheckConstraint("lambda > 0 AND lambda < 1e9", name="lambda"),
        CheckConstraint("epochs >= 1", name="epochs"),
        CheckConstraint("hinge_target_ms > 0 AND hinge_target_ms < 1e9", name="hinge_target_ms"),
        CheckConstraint("attempt >= 0", name="attempt"),
        CheckConstraint("crashes >= 0 AND crashes <= attempt", name="crashes"),
        CheckConstraint("(state = 'running') = (worker IS NOT NULL)", name="worker"),
        CheckConstraint("(state IN ('queued', 'running')) = (finished_at IS NULL)", name="finished_at"),
        CheckConstraint("(state = 'failed') = (error IS NOT NULL)", name="error"),
        Index(None, "state", "study_key"),
        Index(None, "study_key", "lambda", "number"),
        Index(None, "study_key", "updated_at"),
        Index(None, "identity"),
        # An id names a trial's actors and checkpoints, so it is never given again.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(SurrogateKey, primary_key=True)
    study_key: Mapped[int] = mapped_column(ForeignKey("studies.key", ondelete="CASCADE"))
    number: Mapped[int]
    state: Mapped[TrialState]
    lambda_: Mapped[float] = mapped_column("lambda")
    epochs: Mapped[int]
    hinge_target_ms: Mapped[float | None]
    seed: Mapped[int] = mapped_column(BigInteger)
    attempt: Mapped[int]
    crashes: Mapped[int]
    worker: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    platform_hash: Mapped[str | None] = mapped_column(Text)
    code_version: Mapped[str | None] = mapped_column(Text)
    dataset_fingerprint: Mapped[str | None] = mapped_column(Text)
    versions: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    identity: Mapped[str | None] = mapped_column(String(64))
    reused_study_id: Mapped[str | None] = mapped_column(String(32))
    reused_number: Mapped[int | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    attempt_started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    retry_at: Mapped[datetime | None]


class EpochRow(Base):
    """An epoch that counts against the budget. The primary key makes counting one twice impossible."""

    __tablename__ = "epochs"
    __table_args__ = (
        CheckConstraint("epoch >= 1", name="epoch"),
        CheckConstraint("attempt >= 1", name="attempt"),
        CheckConstraint("cross_entropy >= 0 AND cross_entropy < 1e300", name="cross_entropy"),
        CheckConstraint("accuracy >= 0 AND accuracy <= 1", name="accuracy"),
        CheckConstraint("runtime_ms > 0 AND runtime_ms < 1e9", name="runtime_ms"),
        CheckConstraint("seconds >= 0 AND seconds < 1e9", name="seconds"),
    )

    trial_id: Mapped[int] = mapped_column(ForeignKey("trials.id", ondelete="CASCADE"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int]
    recorded_at: Mapped[datetime]
    cross_entropy: Mapped[float]
    accuracy: Mapped[float]
    runtime_ms: Mapped[float]
    seconds: Mapped[float]
    architecture: Mapped[list[str]] = mapped_column(JSON)
    checkpoint: Mapped[str | None] = mapped_column(Text)
    gate_margins: Mapped[list[list[float]] | None] = mapped_column(JSON(none_as_null=True))


class EventRow(Base):
    """What happened to a study or to one of its trials; written with the change that it tells of.

    ``trial`` is the trial's number, and ``state`` one of a study or, with a trial, of a trial.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index(None, "study_key", "id"),
        Index(None, "study_key", "trial", "id"),
        # A page token names an event, so its id is never given again.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(SurrogateKey, primary_key=True)
    study_key: Mapped[int] = mapped_column(ForeignKey("studies.key", ondelete="CASCADE"))
    trial: Mapped[int | None]
    kind: Mapped[EventKind]
    at: Mapped[datetime]
    attempt: Mapped[int | None]
    state: Mapped[str | None] = mapped_column(String(16))
    detail: Mapped[str | None] = mapped_column(Text)


class PlatformRow(Base):
    """A latency table that a user has put in."""

    __tablename__ = "platforms"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    latency_table: Mapped[dict[str, Any]] = mapped_column(JSON)
    updated_at: Mapped[datetime]


class LeaseRow(Base):
    """The right to dispatch: one row, made by the migration. ``fence`` only grows.

    ``deployment_id`` tells this database's workers from those of others on the same cluster.
    """

    __tablename__ = "lease"
    __table_args__ = (
        CheckConstraint("id = 1", name="single_row"),
        CheckConstraint("(owner IS NULL) = (expires_at IS NULL)", name="owner"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    owner: Mapped[str | None] = mapped_column(Text)
    fence: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime | None]
    deployment_id: Mapped[str] = mapped_column(String(32))


class IdempotencyKeyRow(Base):
    """Which study a POST with an Idempotency-Key made, and the digest of what it asked for."""

    __tablename__ = "idempotency_keys"

    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    study_key: Mapped[int] = mapped_column(ForeignKey("studies.key", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class DeletedStudyRow(Base):
    """A study that was deleted and whose checkpoints the dispatcher has still to remove."""

    __tablename__ = "deleted_studies"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)


class WebhookDeliveryRow(Base):
    """A message that is still to be sent: that a study has ended. ``due_at`` is when it is tried next."""

    __tablename__ = "webhook_deliveries"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    study_id: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int]
    due_at: Mapped[datetime] = mapped_column(index=True)


class TokenRow(Base):
    """An access token, without its secret."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    scope: Mapped[Scope]
    digest: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
