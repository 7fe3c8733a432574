"""The JSON that the API speaks. The client returns these very models."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nas_worker.job import SearchSettings
from nas_worker.platform import Platform
from service.api.provenance_schemas import ReusedFrom, TrialProvenance
from service.api.recommendation_schemas import Interval, Recommendation, RecommendationList
from service.api.schema_base import ResponseModel
from service.domain.records import EpochRecord, StudyRecord, TrialRecord
from service.domain.spec import (
    Count,
    EpochRange,
    LambdaRange,
    Number,
    Resources,
    StudySpec,
    Tag,
    Text,
)
from service.domain.states import StudyState, TrialState
from service.domain.targets import TargetRuntime

Architecture = Annotated[
    tuple[str, ...],
    Field(
        description="Layer type of each of the 20 searchable layers: kernel-expansion-SE ratio, or skip.",
        examples=[["3x3-3-0", "5x5-6-0.25", "skip"]],
    ),
]
TrialOrder = Literal["number", "reward", "lambda"]


class BestTrial(ResponseModel):
    """The completed trial at full fidelity with the highest reward (Eq. 19)."""

    number: int = Field(description="Number of the trial in its study, from 0.")
    lambda_: float = Field(alias="lambda", description="Trade-off of Eq. 10.")
    epochs: int = Field(description="Fidelity of the trial.")
    accuracy: float = Field(description="Top-1 validation accuracy, in [0, 1].")
    runtime_ms: float = Field(description="Runtime R of the ConvNet on the platform.")
    reward: float = Field(description="Eq. 19 for the target in question.")
    architecture: Architecture

    @classmethod
    def of(cls, trial: TrialRecord) -> Self:
        """The outcome of a trial that completed."""
        return cls.model_validate(
            {
                "number": trial.number,
                "lambda": trial.lambda_,
                "epochs": trial.epochs,
                "accuracy": trial.accuracy,
                "runtime_ms": trial.runtime_ms,
                "reward": trial.reward,
                "architecture": trial.architecture,
            }
        )


class TargetBest(ResponseModel):
    """The best trial for one of several targets."""

    target_runtime_ms: float
    trial: BestTrial


BestPerTarget = Annotated[
    tuple[TargetBest, ...] | None,
    Field(
        exclude_if=lambda value: value is None,
        description="Best trial for each target; there only if the study has several targets, and a best.",
    ),
]


class StudyBest(BestTrial):
    """The best trial for the first target, and those for all targets where there are several."""

    best_per_target: BestPerTarget = None

    def per_target(self, target_ms: float) -> tuple[tuple[float, BestTrial], ...]:
        """(target in ms, best trial for it) for each target; ``target_ms`` is the one where there is one."""
        if self.best_per_target is None:
            return ((target_ms, self),)
        return tuple((each.target_runtime_ms, each.trial) for each in self.best_per_target)


class Study(ResponseModel):
    """A study with everything that is derived from its trials."""

    id: str
    state: StudyState
    spec: StudySpec = Field(description="What was asked for, defaults filled in, with later patches.")
    warnings: tuple[str, ...] = Field(
        description="What you should know although the spec is valid, such as trials that wait for resources."
    )
    spent_epochs: int = Field(description="Epochs recorded so far, over all trials.")
    reused_epochs: int = Field(description="Epochs taken from identical trials, at no cost.")
    reserved_epochs: int = Field(description="Epochs still to come of queued and running trials.")
    trial_counts: dict[TrialState, int] = Field(description="Trials by state; every state is a key.")
    best: BestTrial | None = Field(description="Best trial so far, for the first target, or null.")
    best_per_target: BestPerTarget = None
    revision: int = Field(description="Grows with every change of the study, its trials or epochs; the ETag.")
    created_at: datetime
    updated_at: datetime
    error: str | None = Field(description="Why the study failed, or null.")

    @classmethod
    def of(cls, study: StudyRecord) -> Self:
        """The study as the API shows it."""
        return cls(
            id=study.id,
            state=study.state,
            spec=study.spec,
            warnings=study.warnings,
            spent_epochs=study.spent_epochs,
            reused_epochs=study.reused_epochs,
            reserved_epochs=study.reserved_epochs,
            trial_counts=dict(study.trial_counts),
            best=None if study.best is None else BestTrial.of(study.best),
            best_per_target=tuple(
                TargetBest(target_runtime_ms=target, trial=BestTrial.of(trial))
                for target, trial in study.bests
            )
            if len(study.bests) > 1
            else None,
            revision=study.revision,
            created_at=study.created_at,
            updated_at=study.updated_at,
            error=study.error,
        )

    @property
    def bests(self) -> tuple[tuple[float, BestTrial], ...]:
        """(target in ms, best trial for it) for each target, one or several; none before there is a best."""
        if self.best_per_target is not None:
            return tuple((each.target_runtime_ms, each.trial) for each in self.best_per_target)
        return () if self.best is None else ((self.spec.first_target_ms, self.best),)


class StudyPage(ResponseModel):
    """One page of studies, newest first."""

    studies: tuple[Study, ...]
    next_page_token: str | None = Field(
        description="Pass it as page_token for the next page; null: this was the last."
    )


class StudyPatch(BaseModel):
    """What may change after creation. Fields left out stay as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"minProperties": 1})

    name: Text = Field("", max_length=200)
    tags: tuple[Tag, ...] = Field((), max_length=32)
    notes: Text = Field("", max_length=10_000)
    budget_epochs: Count = Field(
        400, ge=1, le=1_000_000, description="A completed study with budget left goes on."
    )
    max_parallel_trials: Count = Field(1, ge=1, le=1024)
    trial_timeout_seconds: Annotated[Number, Field(gt=0, le=1e8)] | None = Field(
        None, description="null: no limit."
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"name at least one of {', '.join(StudyPatch.model_fields)}")
        return self


class Retarget(BaseModel):
    """Asks for a study that has this one's finished trials, scored for another target."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target_runtime_ms: TargetRuntime
    budget_epochs: Count | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Epochs to spend on new trials; none: only the finished ones count.",
    )


class Trial(ResponseModel):
    """A NAS search at one (lambda, epochs, seed)."""

    number: int = Field(description="From 0, in the order of suggestion.")
    state: TrialState
    lambda_: float = Field(alias="lambda", description="Trade-off of Eq. 10.")
    epochs: int = Field(description="Fidelity: epochs that the search runs.")
    epochs_done: int = Field(description="Epochs recorded so far.")
    hinge_target_ms: float | None = Field(
        description="Target of a hinged runtime term, or null: the trial minimises Eq. 10."
    )
    seed: int
    attempt: int = Field(description="Counts starts; above 1 after a lost worker or a pause.")
    accuracy: float | None = Field(description="Top-1 validation accuracy in [0, 1], once completed.")
    runtime_ms: float | None = Field(description="Runtime R on the platform, once completed.")
    reward: float | None = Field(description="Eq. 19 for the study's first target, once completed.")
    reused_from: ReusedFrom | None = Field(
        description="Identical trial whose outcome was taken at no cost, or null: it ran itself."
    )
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime = Field(description="Changes with every epoch; see the filter updated_since.")
    error: str | None = Field(description="Why the trial failed, or null.")

    @classmethod
    def of(cls, trial: TrialRecord) -> Self:
        """The trial as the API shows it."""
        fields = {name: getattr(trial, name) for name in cls.model_fields}
        return cls.model_validate(fields, from_attributes=True)


class TrialDetail(Trial):
    """A trial with the ConvNet that it found, and what it ran with."""

    architecture: Architecture | None = Field(description="Layer types, once completed, or null.")
    provenance: TrialProvenance | None = Field(description="What it ran with; null before it is known.")
    versions: dict[str, str] | None = Field(description="Versions of the worker's packages, or null.")


class TrialPage(ResponseModel):
    """One page of trials, without their architectures."""

    trials: tuple[Trial, ...]
    next_page_token: str | None = Field(
        description="Pass it as page_token for the next page; null: this was the last."
    )


class Epoch(ResponseModel):
    """State of a search at the end of an epoch."""

    epoch: int = Field(description="From 1.")
    cross_entropy: float = Field(description="Mean training cross-entropy, CE of Eq. 10, in nats.")
    accuracy: float = Field(description="Top-1 validation accuracy at hard gates, in [0, 1].")
    runtime_ms: float = Field(description="Runtime R at hard gates.")
    seconds: float = Field(description="Wall time of the epoch.")
    gate_margins: tuple[tuple[float, ...], ...] | None = Field(
        None,
        description="How far each gate is open (above 0) or shut (below): for each searchable layer k5, e3, "
        "e6, se25 and se50. With thresholds the norm less its threshold, with probabilities the probability "
        "less 1/2; null: the architecture is fixed, or the formulation has no gates.",
    )

    @classmethod
    def of(cls, record: EpochRecord) -> Self:
        """The epoch as the API shows it."""
        return cls.model_validate({name: getattr(record.report, name) for name in cls.model_fields})


class EpochList(ResponseModel):
    """All recorded epochs of a trial, in order."""

    epochs: tuple[Epoch, ...]


class PlatformInfo(ResponseModel):
    """A platform that a study can target."""

    name: str
    source: str = Field(description="Where its numbers come from.")
    min_runtime_ms: float = Field(description="Lowest runtime that an architecture can have on it.")
    max_runtime_ms: float = Field(description="Highest runtime that an architecture can have on it.")
    shipped: bool = Field(description="Whether it came with the service; such a one cannot be replaced.")

    @classmethod
    def of(cls, platform: Platform, *, shipped: bool) -> Self:
        """The platform without its table."""
        return cls(
            name=platform.name,
            source=platform.source,
            min_runtime_ms=platform.min_ms,
            max_runtime_ms=platform.max_ms,
            shipped=shipped,
        )


class PlatformList(ResponseModel):
    """Every platform that a study can target, by name."""

    platforms: tuple[PlatformInfo, ...]


class SolverInfo(ResponseModel):
    """A solver that a study can name."""

    kind: str
    description: str
    options: dict[str, Any] = Field(description="JSON schema of the `solver` object of a study.")


class SolverList(ResponseModel):
    """Every solver that a study can name."""

    solvers: tuple[SolverInfo, ...]


class FieldProblem(ResponseModel):
    """What is wrong with one field."""

    field: str = Field(description="Dotted path, such as lambda_range.low.", examples=["lambda_range.low"])
    message: str


class Problem(ResponseModel):
    """An error as RFC 9457 writes it."""

    type: str = Field(
        description="Stable identifier of the kind of problem.", examples=["urn:spnas:problem:validation"]
    )
    title: str
    status: int
    detail: str
    instance: str | None = Field(None, description="Path of the request.")
    request_id: str | None = Field(None, description="Finds the request in the service's log.")
    errors: tuple[FieldProblem, ...] | None = Field(
        None, description="One entry per field that is not acceptable."
    )


__all__ = [
    "BestTrial",
    "Epoch",
    "EpochList",
    "EpochRange",
    "FieldProblem",
    "Interval",
    "LambdaRange",
    "PlatformInfo",
    "PlatformList",
    "Problem",
    "Recommendation",
    "RecommendationList",
    "Resources",
    "Retarget",
    "SearchSettings",
    "SolverInfo",
    "SolverList",
    "Study",
    "StudyBest",
    "StudyPage",
    "StudyPatch",
    "StudySpec",
    "TargetBest",
    "Trial",
    "TrialDetail",
    "TrialOrder",
    "TrialPage",
]
