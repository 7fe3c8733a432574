"""What goes into a NAS search and what comes out, as values that cross processes."""

from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from nas_worker.platform import Milliseconds, Platform

Precision = Literal["auto", "float32", "bfloat16"]
"""Numbers that a network computes in; ``nas_worker.precision`` says what ``auto`` is."""

FormulationName = Literal[
    "single_path_sigmoid",
    "single_path_ste",
    "single_path_softmax",
    "multi_path_sigmoid",
    "multi_path_softmax",
    "random_rejection",
]
"""The modules of ``nas_worker.formulations``; ``docs/formulations.md`` describes them."""

THRESHOLD_FORMULATIONS: tuple[FormulationName, ...] = ("single_path_sigmoid", "single_path_ste")
"""Those whose gates compare norms with thresholds; they alone can land at a target."""


def _is_unset(value: object) -> bool:
    return value is None


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
        exclude_if=lambda augmentation: augmentation == "auto",
        description="Random parts of the training images, flipped or not; auto: for colour images in files.",
    )
    batch_size: int = Field(32, ge=2, le=8192)
    formulation: FormulationName = Field(
        "single_path_sigmoid", description="How architecture choices are relaxed."
    )
    # Unset, later fields are left out of what is stored: it stays equal to that of older versions.
    runtime_window_ms: tuple[Milliseconds, Milliseconds] | None = Field(
        None,
        strict=False,
        exclude_if=_is_unset,
        description="Of random_rejection: lowest and highest runtime R of an architecture that is trained.",
    )
    candidate_epochs: int | None = Field(
        None,
        ge=1,
        le=10_000,
        exclude_if=_is_unset,
        description="Of random_rejection: epochs that each architecture is trained for; none: 2.",
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
    ema_decay: float | None = Field(
        None,
        ge=0,
        lt=1,
        exclude_if=_is_unset,
        description="Accuracy is that of an average of the weights with this decay; none: of the last ones.",
    )
    precision: Precision = Field(
        "auto",
        exclude_if=lambda precision: precision == "auto",
        description="Numbers that networks compute in; auto: bfloat16 on GPUs that have it, else float32.",
    )
    gate_keep_probability: float = Field(
        0.8, gt=0, le=1, description="Chance of a gate to be kept in a step of the warm-up."
    )
    warm_up: float = Field(
        0.625, ge=0, lt=1, description="Share of the steps with gate dropout and without the runtime term."
    )

    @model_validator(mode="after")
    def _fits_the_formulation(self) -> Self:
        is_random = self.formulation == "random_rejection"
        for field in ("runtime_window_ms", "candidate_epochs"):
            if getattr(self, field) is not None and not is_random:
                raise _unfit(field, f"is a setting of random_rejection, not of {self.formulation}")
        if is_random:
            window = self.runtime_window_ms
            if window is None or window[0] >= window[1]:
                raise _unfit("runtime_window_ms", "must be two runtimes, the lower first, such as [75, 80]")
        if self.formulation not in THRESHOLD_FORMULATIONS:
            for field in ("gate_placement", "runtime_form", "ema_decay"):
                default: Any = type(self).model_fields[field].default
                if getattr(self, field) != default:
                    raise _unfit(field, f"must be {default} with {self.formulation}, which has no thresholds")
        return self


def _unfit(field: str, reason: str) -> PydanticCustomError:
    # A model validator's location is all settings; the context says which field it is.
    return PydanticCustomError("unfit", "{reason}", {"reason": reason, "field": field})


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
        gate_margins: See :meth:`nas_worker.formulations.base.Search.gate_margins`; 20 rows of 5.
    """

    epoch: int
    cross_entropy: float
    accuracy: float
    runtime_ms: float
    seconds: float
    architecture: tuple[str, ...]
    checkpoint: str | None
    gate_margins: tuple[tuple[float, ...], ...] | None = None
