"""What goes into a NAS search and what comes out, as values that cross processes."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nas_worker.platform import Platform


class SearchSettings(BaseModel):
    """How every search of a study is run. The defaults are the embedded ones: digits on one CPU core."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = Field("digits", description="Data set by name.")
    width: float = Field(0.25, gt=0, le=2, description="Width multiplier of the searched proxy network.")
    image_size: int | None = Field(
        None, ge=8, le=512, description="Images are resized to this; none: native."
    )
    batch_size: int = Field(32, ge=2, le=8192)
    formulation: Literal["single_path_sigmoid"] = Field(
        "single_path_sigmoid", description="How architecture choices are relaxed."
    )


@dataclass(frozen=True, slots=True)
class SearchJob:
    """One NAS search.

    Attributes:
        settings: How it is run.
        platform: Latency table for R (Eq. 11).
        lambda_: Trade-off of Eq. 10.
        epochs: Length of the search; warm-up and schedules rescale to it.
        seed: Fixes initial weights, batches and gate dropout.
        hinge_target_ms: When set, the runtime term is lambda * max(0, log(R / hinge_target_ms)).
    """

    settings: SearchSettings
    platform: Platform
    lambda_: float
    epochs: int
    seed: int
    hinge_target_ms: float | None = None


@dataclass(frozen=True, slots=True)
class EpochReport:
    """State of a search at the end of an epoch.

    Attributes:
        epoch: From 1.
        cross_entropy: Mean training cross-entropy over the epoch (CE of Eq. 10), nats.
        accuracy: Top-1 accuracy on the validation split at hard gates, in [0, 1].
        runtime_ms: Runtime R of the architecture at hard gates, in milliseconds.
        seconds: Wall time of the epoch.
        architecture: Layer type of each of the 20 searchable layers.
        checkpoint: Where the search can be taken up again, or None when the job keeps no checkpoints.
    """

    epoch: int
    cross_entropy: float
    accuracy: float
    runtime_ms: float
    seconds: float
    architecture: tuple[str, ...]
    checkpoint: str | None
