"""Tests a platform's table on ConvNets that were measured beside it (Fig. 4, left)."""

from nas_worker.platform import Platform
from nas_worker.profiling.accuracy import LatencyModelAccuracy, MeasuredConvNet, accuracy_of
from nas_worker.profiling.fit import MEDIAN, typical_ms
from nas_worker.profiling.measurements import Measurements
from nas_worker.profiling.subjects import evaluation_architectures, evaluation_key
from nas_worker.runtime import architecture_runtime_ms


def evaluate(
    measurements: Measurements, platform: Platform, percentile: float = MEDIAN
) -> LatencyModelAccuracy:
    """The errors over the evaluation ConvNets of complete measurements, of which there is at least one."""
    times_ms = typical_ms(measurements, percentile)
    return accuracy_of(
        tuple(
            MeasuredConvNet(
                architecture=architecture.format(),
                measured_ms=times_ms[evaluation_key(number)],
                modelled_ms=architecture_runtime_ms(platform, architecture),
            )
            for number, architecture in enumerate(evaluation_architectures(measurements.settings))
        )
    )
