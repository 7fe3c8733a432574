"""What goes into a NAS search and what comes out, as values that cross processes."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nas_worker.platform import Platform


class SearchSettings(BaseModel):
    """How every search of a study is run. The defaults are the embedded ones: digits on one CPU core.

    The rates and the batch size together decide how far gates move in a search, and so which lambdas matter.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    dataset: str = Field(
        "digits",
        max_length=4096,
        description="Data set by name, or where it lies: imagefolder:PATH, parquet:PATH, hub:NAME.",
    )
    width: float = Field(0.25, gt=0, le=2, description="Width multiplier of the searched proxy network.")
    image_size: int | None = Field(
        None, ge=8, le=512, description="Images are resized to this; none: native."
    )
    max_train_images: int | None = Field(
        None, ge=2, le=100_000_000, description="Train on the first so many images only; none: on all."
    )
    augmentation: Literal["auto", "none", "crop_flip"] = Field(
        "auto",
        description="Random parts of the training images, flipped or not; auto: for colour images in files.",
    )
    batch_size: int = Field(32, ge=2, le=8192)
    formulation: Literal["single_path_sigmoid"] = Field(
        "single_path_sigmoid", description="How architecture choices are relaxed."
    )
    gate_placement: Literal["after_norm", "kernel"] = Field(
        "after_norm",
        description="Where e3 and e6 act: after BatchNorm, or on the kernel as Eq. 3 is printed.",
    )
    runtime_form: Literal["bilinear", "paper"] = Field(
        "bilinear", description="R between the profiled types: bilinear, or Eqs. 12-13 as printed."
    )
    learning_rate: float = Field(
        0.006, gt=0, le=10, allow_inf_nan=False, description="Peak rate of the weights (RMSProp)."
    )
    threshold_learning_rate: float = Field(
        0.03, gt=0, le=10, allow_inf_nan=False, description="Constant rate of the gates' thresholds (SGD)."
    )
    weight_decay: float = Field(1e-5, ge=0, le=1, allow_inf_nan=False)
    label_smoothing: float = Field(0.0, ge=0, lt=1, allow_inf_nan=False)
    gate_keep_probability: float = Field(
        0.8, gt=0, le=1, description="Chance of a gate to be kept in a step of the warm-up."
    )
    warm_up: float = Field(
        0.625, ge=0, lt=1, description="Share of the steps with gate dropout and without the runtime term."
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
