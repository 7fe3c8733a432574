"""StudySpec: what a user asks for. Every field but the target has a default that works on this machine."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nas_worker.job import SearchSettings
from solver.base import Problem
from solver.registry import Bayesian, SolverConfig

Milliseconds = Annotated[float, Field(gt=0, lt=1e6, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LambdaRange(_Model):
    """Range of the trade-off lambda, sampled on a log scale."""

    low: float = Field(0.1, gt=0, le=1e6, allow_inf_nan=False)
    high: float = Field(10.0, gt=0, le=1e6, allow_inf_nan=False)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low must be below high; got low={self.low}, high={self.high}")
        return self


class EpochRange(_Model):
    """Fidelities of a trial in epochs; ``max`` is full fidelity."""

    min: int = Field(2, ge=1, le=10_000)
    max: int = Field(8, ge=1, le=10_000)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min must not exceed max; got min={self.min}, max={self.max}")
        return self


class Resources(_Model):
    """What one trial occupies on the cluster."""

    cpus: float = Field(1, gt=0, le=1024, description="CPU cores; a whole number above 1.")
    gpus: float = Field(0, ge=0, le=1024)


class StudySpec(_Model):
    """One target-runtime tuning job."""

    name: str = Field("", max_length=200, description="Shown in lists; none: made from target and platform.")
    target_runtime_ms: Milliseconds = Field(description="Target runtime R_T on the platform.", examples=[80.0])
    platform: str = Field("pixel1", min_length=1, max_length=100)
    solver: SolverConfig = Field(default_factory=Bayesian)
    lambda_range: LambdaRange = LambdaRange()
    epochs: EpochRange = EpochRange()
    budget_epochs: int = Field(400, ge=1, le=1_000_000, description="Epochs that all trials may spend in sum.")
    max_parallel_trials: int = Field(1, ge=1, le=1024)
    seed: int = Field(0, ge=0, lt=2**31)
    search: SearchSettings = SearchSettings()
    resources: Resources = Resources()
    tags: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = Field((), max_length=32)
    notes: str = Field("", max_length=10_000)

    @model_validator(mode="after")
    def _budget_buys_a_trial(self) -> Self:
        if self.budget_epochs < self.epochs.max:
            raise ValueError(
                f"budget_epochs must buy at least one trial at full fidelity: it is {self.budget_epochs}, "
                f"epochs.max is {self.epochs.max}"
            )
        return self

    @property
    def problem(self) -> Problem:
        """The part of the spec that solvers see."""
        return Problem(
            targets_ms=(self.target_runtime_ms,),
            lambda_low=self.lambda_range.low,
            lambda_high=self.lambda_range.high,
            epochs_min=self.epochs.min,
            epochs_max=self.epochs.max,
            seed=self.seed,
        )
