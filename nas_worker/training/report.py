"""What a training tells."""

from pydantic import BaseModel, ConfigDict, Field


class Accuracy(BaseModel):
    """How often the right class is the first, or among the first five."""

    model_config = ConfigDict(frozen=True)

    top1: float
    top5: float | None = Field(description="null: there are five classes or fewer.")


class TrainedEpoch(BaseModel):
    """State at the end of an epoch."""

    model_config = ConfigDict(frozen=True)

    epoch: int = Field(description="From 1.")
    loss: float = Field(description="Mean training cross-entropy, with label smoothing, in nats.")
    learning_rate: float = Field(description="Of the last step.")
    validation: Accuracy
    seconds: float
    images_per_second: float = Field(description="In training alone.")


class TrainingReport(BaseModel):
    """A whole training."""

    model_config = ConfigDict(frozen=True)

    epochs: tuple[TrainedEpoch, ...]
    test: Accuracy
    parameters: int
    mean: tuple[float, ...] = Field(
        description="Of each channel of the training images, pixels in [0, 1]. Images are normalised by it."
    )
    scale: tuple[float, ...] = Field(description="What images are divided by after that, for each channel.")
    weights: str = Field(description="File with the averaged weights, a state dict.")
    document: str | None = Field(
        description="File with the architecture for `spnas export`; null: it is not in the search space."
    )
