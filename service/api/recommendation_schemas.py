"""What the solver advises, as JSON."""

from dataclasses import asdict
from typing import Literal, Self

from pydantic import Field

from service.api.schema_base import ResponseModel
from service.domain.advice import Advice
from solver.base import Interval as IntervalValue


class Interval(ResponseModel):
    """An expected value, and bounds that hold the value with the stated probability."""

    mean: float
    low: float
    high: float
    probability: float = Field(description="Of lying between the bounds, such as 0.9.")

    @classmethod
    def of(cls, interval: IntervalValue) -> Self:
        """The interval as the API shows it."""
        return cls.model_validate(asdict(interval))


class Recommendation(ResponseModel):
    """What the solver advises for a target: by its model if it has one, else the best finished trial."""

    target_runtime_ms: float
    basis: Literal["model", "best_trial"] = Field(
        description="model: what to expect of a new search; best_trial: what the best finished trial yielded."
    )
    lambda_: float = Field(alias="lambda", description="Trade-off to search with at full fidelity.")
    hinge_target_ms: float | None = Field(
        description="Target of the hinged runtime term to search with, or null: the search minimises Eq. 10."
    )
    reward: float = Field(description="Eq. 19, expected of such a search or seen in the best trial.")
    accuracy: Interval | None = Field(description="Accuracy of such a search, or null without a model.")
    runtime_ms: Interval | None = Field(description="Its runtime R, or null without a model.")
    probability_within: float | None = Field(description="P(R <= target), or null without a model.")
    best_number: int | None = Field(
        description="Finished trial at full fidelity with the highest reward, whose ConvNet is at hand."
    )
    nearest_number: int | None = Field(
        description="Finished trial at full fidelity whose lambda is closest to the recommended one."
    )

    @classmethod
    def of(cls, advice: Advice) -> Self:
        """The advice as the API shows it."""
        found = advice.recommendation
        return cls(
            target_runtime_ms=found.target_ms,
            basis="model" if advice.is_by_model else "best_trial",
            lambda_=found.lambda_,
            hinge_target_ms=found.hinge_target_ms,
            reward=found.reward,
            accuracy=None if found.accuracy is None else Interval.of(found.accuracy),
            runtime_ms=None if found.runtime_ms is None else Interval.of(found.runtime_ms),
            probability_within=found.probability_within,
            best_number=found.number,
            nearest_number=advice.nearest_number,
        )


class RecommendationList(ResponseModel):
    """A recommendation for each target asked about, in the study's order."""

    recommendations: tuple[Recommendation, ...]
