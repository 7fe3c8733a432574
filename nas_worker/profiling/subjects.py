"""What a profile measures: each type in each layer, and ConvNets to calibrate and test the sum with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from random import Random

import torch
from torch import nn

from nas_worker.blocks import MBConv, initialise
from nas_worker.convnet import ConvNet
from nas_worker.profiling.settings import ProfileSettings
from nas_worker.space import (
    MBCONV_TYPES,
    SEARCHABLE,
    Architecture,
    LayerGeometry,
    LayerType,
    MacroArchitecture,
)

LAYER_VISITS = 4
"""Visits of a layer in a round, where a ConvNet has one: it takes little time, and its error counts in every
ConvNet, up to three times."""

CHAINED = 4
"""Blocks in a row that a layer with a residual is measured as, beside the block alone."""

CALL = "call"
"""Key of the network that does nothing: what a call costs by itself."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A network that is measured.

    Attributes:
        key: Its name in the measurements.
        build: Makes it in eval mode, always with the same weights.
        input_shape: N x C x H x W.
        visits: How often a round visits it.
    """

    key: str
    build: Callable[[], nn.Module]
    input_shape: tuple[int, int, int, int]
    visits: int = 1


def block_key(layer: int, layer_type: LayerType) -> str:
    """Key of a type in a searchable layer."""
    return f"layer {layer} {layer_type}"


def chain_key(layer: int, layer_type: LayerType) -> str:
    """Key of ``CHAINED`` blocks of a type in a row, where a layer's output can be its input."""
    return f"chain {layer} {layer_type}"


def calibration_key(number: int) -> str:
    """Key of a ConvNet that the base is fitted to."""
    return f"calibration {number}"


def evaluation_key(number: int) -> str:
    """Key of a ConvNet that the model is tested on."""
    return f"evaluation {number}"


def calibration_architectures(settings: ProfileSettings) -> tuple[Architecture, ...]:
    """The ConvNets that the base is fitted to."""
    return _sampled("calibration", settings.calibration, settings.seed)


def evaluation_architectures(settings: ProfileSettings) -> tuple[Architecture, ...]:
    """The ConvNets that the model is tested on."""
    return _sampled("evaluation", settings.evaluation, settings.seed)


def _sampled(kind: str, count: int, seed: int) -> tuple[Architecture, ...]:
    random = Random(f"{kind} {seed}")  # noqa: S311 - no secret
    return tuple(Architecture.sample(random) for _ in range(count))


@lru_cache
def measured_layers(macro: MacroArchitecture) -> dict[int, int]:
    """Searchable layer -> the first of the same channels, stride and map, measured for all."""
    first: dict[tuple[int, ...], int] = {}
    return {
        geometry.index: first.setdefault(
            (geometry.in_channels, geometry.out_channels, geometry.stride, geometry.residual, size),
            geometry.index,
        )
        for geometry, size in _searchable(macro)
    }


def subjects(settings: ProfileSettings) -> tuple[Subject, ...]:
    """Everything that a round visits."""
    macro, batch, seed = settings.macro, settings.batch_size, settings.seed
    image = (batch, macro.image_channels, macro.image_size, macro.image_size)
    found = [Subject(CALL, _nothing, (1, 1, 1, 1), LAYER_VISITS)]
    measured = set(measured_layers(macro).values())
    for geometry, size in _searchable(macro):
        if geometry.index in measured:
            shape = (batch, geometry.in_channels, size, size)
            for each in MBCONV_TYPES:
                build = partial(_blocks, geometry, each, seed)
                once, chain = block_key(geometry.index, each), chain_key(geometry.index, each)
                found.append(Subject(once, partial(build, 1), shape, LAYER_VISITS))
                if geometry.residual:
                    found.append(Subject(chain, partial(build, CHAINED), shape, LAYER_VISITS))
    for key, architectures in (
        (calibration_key, calibration_architectures(settings)),
        (evaluation_key, evaluation_architectures(settings)),
    ):
        found += [
            Subject(key(number), partial(_convnet, macro, architecture, seed), image)
            for number, architecture in enumerate(architectures)
        ]
    return tuple(found)


def _searchable(macro: MacroArchitecture) -> Iterator[tuple[LayerGeometry, int]]:
    """Each searchable layer with the side of the map that enters it."""
    size = -(-macro.image_size // macro.stem_stride)
    for geometry in macro.layers:
        if geometry.index in SEARCHABLE:
            yield geometry, size
        size = -(-size // geometry.stride)


def _nothing() -> nn.Module:
    return nn.Identity().eval()


def _blocks(geometry: LayerGeometry, layer_type: LayerType, seed: int, count: int) -> nn.Module:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        return _ready(nn.Sequential(*(MBConv(geometry, layer_type) for _ in range(count))))


def _convnet(macro: MacroArchitecture, architecture: Architecture, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        return _ready(ConvNet(macro, architecture))


def _ready(network: nn.Module) -> nn.Module:
    # Signals keep their size through the layers: numbers near 0 would be slow for a reason of their own.
    initialise(network)
    return network.eval().requires_grad_(requires_grad=False)
