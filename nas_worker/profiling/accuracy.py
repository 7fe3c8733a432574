"""How well a platform's table tells the runtimes of whole ConvNets (Fig. 4, left)."""

import math
import statistics

from pydantic import BaseModel, ConfigDict, Field

from nas_worker.platform import Platform
from nas_worker.space import Architecture


class MeasuredConvNet(BaseModel):
    """The runtime of a random ConvNet, end to end and by the model."""

    model_config = ConfigDict(frozen=True)

    architecture: tuple[str, ...]
    measured_ms: float
    modelled_ms: float


class LatencyModelAccuracy(BaseModel):
    """Errors of the model over ConvNets that it was not fitted to."""

    model_config = ConfigDict(frozen=True)

    rmse_ms: float = Field(description="Root mean square error, in milliseconds.")
    relative_rmse: float = Field(description="The same over the mean measured runtime.")
    mean_error: float = Field(description="Mean of |model - measured| / measured.")
    bias_ms: float = Field(description="Mean of model - measured, in milliseconds.")
    convnets: tuple[MeasuredConvNet, ...]


def accuracy_of_table(platform: Platform) -> LatencyModelAccuracy | None:
    """The errors over the ConvNets that were measured with a platform; None where none was."""
    convnets = tuple(
        MeasuredConvNet(
            architecture=each.architecture,
            measured_ms=each.measured_ms,
            modelled_ms=platform.convnet_ms(Architecture.parse(each.architecture)),
        )
        for each in platform.measured_convnets
    )
    return accuracy_of(convnets) if convnets else None


def accuracy_of(convnets: tuple[MeasuredConvNet, ...]) -> LatencyModelAccuracy:
    """The errors over ConvNets, of which there is at least one."""
    errors = [each.modelled_ms - each.measured_ms for each in convnets]
    rmse_ms = math.sqrt(statistics.fmean(error**2 for error in errors))
    return LatencyModelAccuracy(
        rmse_ms=rmse_ms,
        relative_rmse=rmse_ms / statistics.fmean(each.measured_ms for each in convnets),
        mean_error=statistics.fmean(
            abs(error) / each.measured_ms for error, each in zip(errors, convnets, strict=True)
        ),
        bias_ms=statistics.fmean(errors),
        convnets=convnets,
    )
