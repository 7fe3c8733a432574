"""StudySpec: what a user asks for. Every field but the target has a default that works on this machine."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from nas_worker.job import THRESHOLD_FORMULATIONS, SearchSettings
from service.domain.targets import TargetRuntime, each_target
from solver.base import Problem
from solver.registry import Bayesian, SolverConfig
from solver.targeted import Targeted

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
"""A JSON number; neither "80" nor true is one."""

Count = Annotated[int, Field(strict=True)]

MAX_NAME_LENGTH = 200

Lambda = Annotated[Number, Field(ge=1e-9, le=1e6)]

WITHOUT_NUL = r"^[^\x00]*$"
VISIBLE_ASCII = r"^[\x21-\x7e]*$"

Text = Annotated[str, Field(pattern=WITHOUT_NUL)]
"""Without NUL, which PostgreSQL cannot store."""

Tag = Annotated[Text, Field(min_length=1, max_length=64)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LambdaRange(_Model):
    """Range of the trade-off lambda, sampled on a log scale."""

    low: Lambda = 0.1
    high: Lambda = 10.0

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low must be below high; got low={self.low}, high={self.high}")
        return self


class EpochRange(_Model):
    """Fidelities of a trial in epochs; ``max`` is full fidelity."""

    min: Count = Field(2, ge=1, le=10_000)
    max: Count = Field(8, ge=1, le=10_000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min must not exceed max; got min={self.min}, max={self.max}")
        return self


class Resources(_Model):
    """What one trial occupies on the cluster."""

    cpus: Number = Field(1, gt=0, le=1024, description="CPU cores; above 1 a whole number.")
    gpus: Number = Field(0, ge=0, le=1024, description="GPUs; above 1 a whole number.")

    @field_validator("cpus", "gpus")
    @classmethod
    def _whole_above_one(cls, amount: float) -> float:
        if amount > 1 and not amount.is_integer():
            raise ValueError("above 1 it must be a whole number")
        return amount

    @property
    def threads(self) -> int:
        """Threads of a search with these."""
        return max(1, int(self.cpus))


class StudySpec(_Model):
    """One target-runtime tuning job, for one target or several."""

    name: Text = Field(
        "", max_length=MAX_NAME_LENGTH, description="Shown in lists; none: made from platform and targets."
    )
    target_runtime_ms: TargetRuntime = Field(
        description="Target runtime R_T on the platform; or a list of up to eight, which the same trials "
        "serve. The rewards that are shown are for the first.",
        examples=[80.0, [60.0, 80.0]],
    )
    platform: Text = Field(
        "pixel1", min_length=1, max_length=100, description="Latency table that the target is meant for."
    )
    solver: SolverConfig = Field(default_factory=Bayesian, description="What proposes (lambda, epochs).")
    lambda_range: LambdaRange = LambdaRange()
    epochs: EpochRange = EpochRange()
    budget_epochs: Count = Field(
        400,
        ge=1,
        le=1_000_000,
        validate_default=True,
        description="Epochs that all trials may spend in sum; at least epochs.max.",
    )
    max_parallel_trials: Count = Field(1, ge=1, le=1024, description="Trials that run at a time.")
    trial_timeout_seconds: Annotated[Number, Field(gt=0, le=1e8)] | None = Field(
        None, description="A trial whose attempt runs longer is stopped and fails; none: no limit."
    )
    reuse_trials: Annotated[bool, Field(strict=True)] = Field(
        True, description="Whether the outcome of an identical trial of any study is taken, at no cost."
    )
    seed: Count = Field(0, ge=0, lt=2**31, description="Fixes every trial's seed and the solver's choices.")
    search: SearchSettings = SearchSettings()
    resources: Resources = Resources()
    tags: tuple[Tag, ...] = Field((), max_length=32, description="Words to find it by.")
    notes: Text = Field("", max_length=10_000, description="Anything worth remembering.")

    @field_validator("budget_epochs")
    @classmethod
    def _buys_a_trial(cls, budget_epochs: int, info: ValidationInfo) -> int:
        epochs = info.data.get("epochs")  # not there when it is itself not valid
        if isinstance(epochs, EpochRange) and budget_epochs < epochs.max:
            raise ValueError(
                f"must buy one trial at full fidelity: it is {budget_epochs}, epochs.max is {epochs.max}"
            )
        return budget_epochs

    @model_validator(mode="after")
    def _solver_fits(self) -> Self:
        try:
            self.solver.check(self.problem)
        except ValueError as error:
            # A model validator's location is the whole spec; the context says which field it is.
            raise PydanticCustomError(
                "unfit", "{reason}", {"reason": str(error), "field": "solver"}
            ) from error
        return self

    @model_validator(mode="after")
    def _solver_fits_the_formulation(self) -> Self:
        if isinstance(self.solver, Targeted) and self.search.formulation not in THRESHOLD_FORMULATIONS:
            reason = (
                f"must not be targeted with search.formulation={self.search.formulation}: only searches with "
                f"{' or '.join(THRESHOLD_FORMULATIONS)} can land at a target"
            )
            raise PydanticCustomError("unfit", "{reason}", {"reason": reason, "field": "solver.kind"})
        return self

    @property
    def targets_ms(self) -> tuple[float, ...]:
        """The target runtimes in milliseconds, of which there is at least one."""
        return each_target(self.target_runtime_ms)

    @property
    def first_target_ms(self) -> float:
        """The target in milliseconds that rewards are for, unless another is named."""
        return self.targets_ms[0]

    @property
    def problem(self) -> Problem:
        """The part of the spec that solvers see."""
        return Problem(
            targets_ms=self.targets_ms,
            lambda_low=self.lambda_range.low,
            lambda_high=self.lambda_range.high,
            epochs_min=self.epochs.min,
            epochs_max=self.epochs.max,
            seed=self.seed,
        )
