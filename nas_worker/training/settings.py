"""How a ConvNet is trained. Knows nothing of torch, so that the command line starts quickly."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nas_worker.job import Precision


class TrainSettings(BaseModel):
    """The schedule that MnasNet was trained with, which the paper trains its ConvNets with too.

    The defaults are for ImageNet. Warm-up and decay of the rate are shares of the length, so a training of
    few epochs has the whole schedule and is not the beginning of a long one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    dataset: str = Field("digits", max_length=4096, description="Data set by name, or where it lies.")
    epochs: int = Field(350, ge=1, le=100_000)
    width: float = Field(1.0, gt=0, le=2, description="Width multiplier (Fig. 7).")
    image_size: int | None = Field(None, ge=8, le=512, description="Side in pixels; none: native.")
    max_train_images: int | None = Field(None, ge=2, le=100_000_000)
    augmentation: Literal["auto", "none", "crop_flip"] = Field(
        "auto", description="Random parts, flipped or not; auto: for colour images in files."
    )
    batch_size: int = Field(256, ge=2, le=8192)
    learning_rate: float = Field(
        0.016, gt=0, le=10, allow_inf_nan=False, description="Peak rate (RMSProp) per 256 images of a batch."
    )
    weight_decay: float = Field(1e-5, ge=0, le=1, allow_inf_nan=False)
    label_smoothing: float = Field(0.1, ge=0, lt=1, allow_inf_nan=False)
    dropout: float = Field(0.2, ge=0, lt=1, description="Of what is classified.")
    ema_decay: float = Field(
        0.9999,
        ge=0,
        lt=1,
        description="Of the average of the weights that is evaluated; 0: none.",
    )
    precision: Precision = Field(
        "auto", description="Of convolutions and products; auto: bfloat16 on CUDA, else float32."
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Fixes initial weights, batches, augmentation, dropout.")
