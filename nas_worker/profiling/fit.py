"""From measurements to a platform: runtimes of layers, SE factors (Eq. 14) and the base (Eq. 11)."""

import statistics
from collections.abc import Mapping

import numpy as np

from nas_worker.errors import ProfileError
from nas_worker.platform import COLUMNS, Platform
from nas_worker.profiling.measurements import Measurements
from nas_worker.profiling.settings import ProfileSettings
from nas_worker.profiling.subjects import (
    CALL,
    CHAINED,
    block_key,
    calibration_architectures,
    calibration_key,
    chain_key,
    measured_layers,
)
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.space import EXPANSIONS, KERNELS, SE_RATIOS, SEARCHABLE, LayerType, is_skippable

MEDIAN = 50.0
_DIGITS = 6
"""Decimals of the numbers in a platform file, in milliseconds."""


def typical_ms(measurements: Measurements, percentile: float = MEDIAN) -> dict[str, float]:
    """Subject's key -> a percentile of its timed runs, in milliseconds."""
    return {key: 1000 * float(np.percentile(runs, percentile)) for key, runs in measurements.seconds.items()}


def run_spread(measurements: Measurements) -> float:
    """How much runs of one network differ: interquartile range over median; the median network."""
    spreads = []
    for key, runs in measurements.seconds.items():
        if key != CALL and len(runs) > 1:
            low, middle, high = statistics.quantiles(runs, n=4)
            spreads.append((high - low) / middle)
    return statistics.median(spreads) if spreads else 0.0


def fit_platform(measurements: Measurements, name: str, percentile: float = MEDIAN) -> Platform:
    """The platform that complete measurements tell.

    A layer that can be skipped costs what each block takes by which ``CHAINED`` of them in a row are more
    than one. So neither a call nor what a back end does to a network's input and output count in it, and
    weights are as cold as within a network. The first layer of a stage costs what its typical run takes over
    a call of a network that does nothing: what it bears too much is the same for all types, and missing in
    the base.
    An SE factor is the mean over both SE ratios. The base is what the calibration ConvNets take on average
    over the sum of their layers: stem, layers 0 and 21, head, classifier and the call.

    Args:
        measurements: All rounds.
        name: Of the platform.
        percentile: Of the timed runs, that counts as the typical one.

    Raises:
        ProfileError: The measurements contradict the model: a layer costs nothing, or the base is negative.
    """
    settings = measurements.settings
    times_ms = typical_ms(measurements, percentile)
    measured = measured_layers(settings.macro)
    layers, factors = {}, {}
    for layer in SEARCHABLE:
        rows = [_column(times_ms, measured[layer], kernel, expansion) for kernel, expansion in _CORNERS]
        layers[layer] = tuple(round(without_se, _DIGITS) for without_se, _ in rows)
        factors[layer] = tuple(round(factor, _DIGITS) for _, factor in rows)
    without_base = Platform.model_validate(
        {
            "name": name,
            "unit": "ms",
            "source": _source(measurements, percentile),
            "base_ms": 0,
            "base_note": "Stem, head, classifier, fixed layers 0 and 21, and the call of the network: "
            f"mean excess of {settings.calibration} random ConvNets over the sum of their layers. "
            "A skipped layer costs 0.",
            "columns": COLUMNS,
            "layers": layers,
            "se_factors": factors,
            "se_source": "Measured; mean over the SE ratios 0.25 and 0.5.",
        }
    )
    base_ms = _base_ms(without_base, settings, times_ms)
    return without_base.model_copy(update={"base_ms": round(base_ms, _DIGITS)})


_CORNERS = tuple((kernel, expansion) for kernel in KERNELS for expansion in EXPANSIONS)
"""(kernel, expansion) of each of ``COLUMNS``."""


def _column(times_ms: Mapping[str, float], layer: int, kernel: int, expansion: int) -> tuple[float, float]:
    """Runtime without SE in milliseconds, and the factor with SE."""
    without_se, *with_se = (
        _layer_ms(times_ms, layer, LayerType(kernel, expansion, ratio)) for ratio in SE_RATIOS
    )
    if min(without_se, *with_se) <= 0:
        raise ProfileError(
            f"layer {layer}, {kernel}x{kernel}-{expansion}, took no longer than a call that does nothing; "
            "measure again with more rounds or repeats"
        )
    return without_se, statistics.mean(with_se) / without_se


def _layer_ms(times_ms: Mapping[str, float], layer: int, layer_type: LayerType) -> float:
    once_ms = times_ms[block_key(layer, layer_type)]
    if is_skippable(layer):
        return (times_ms[chain_key(layer, layer_type)] - once_ms) / (CHAINED - 1)
    return once_ms - times_ms[CALL]


def _base_ms(platform: Platform, settings: ProfileSettings, times_ms: Mapping[str, float]) -> float:
    base_ms = statistics.mean(
        times_ms[calibration_key(number)] - architecture_runtime_ms(platform, architecture)
        for number, architecture in enumerate(calibration_architectures(settings))
    )
    if base_ms < 0:
        raise ProfileError(
            f"whole ConvNets took {-base_ms:.3g} ms less than the sum of their layers: the machine "
            "was too busy, or runs layers side by side, which a latency table cannot tell; measure again "
            "with more rounds"
        )
    return base_ms


def _source(measurements: Measurements, percentile: float) -> str:
    settings = measurements.settings
    where = ", ".join(f"{name} {value}" for name, value in measurements.environment.items())
    return (
        f"Measured with back end {settings.backend} ({where}): threads {settings.threads}, "
        f"batch {settings.batch_size}, image size {settings.image_size}, width {settings.width:g}, "
        f"{settings.clock} clock; percentile {percentile:g} of {settings.rounds} rounds "
        f"of {settings.repeats} runs."
    )
