"""MobileNetV2 (Sandler et al. 2018), the baseline of Table I, out of the same blocks as all networks here.

With ReLU in place of ReLU6, which the search space has not. Its widths are not those of the space, so no
latency table holds its layers.
"""

from dataclasses import dataclass
from functools import cached_property

from nas_worker.blocks import MBConv
from nas_worker.convnet import PlainNetwork
from nas_worker.space import (
    FIRST_CHANNELS,
    FIXED_FIRST,
    FIXED_LAST,
    LAST_CHANNELS,
    LayerGeometry,
    LayerType,
    MacroArchitecture,
    scaled_channels,
    strides,
)

_STAGES = ((24, 2), (32, 3), (64, 4), (96, 3), (160, 3))
"""(output channels, layers) of its five stages; their strides are those of the space."""
_TYPE = LayerType(3, 6, 0.0)


@dataclass(frozen=True)
class MobileNetV2Macro(MacroArchitecture):
    """Its macro-architecture: other stages between the same stem, first and last layer, and head."""

    @cached_property
    def layers(self) -> tuple[LayerGeometry, ...]:
        """Its 17 MBConv layers in order; the last has the index that the search space gives to its last."""
        out = scaled_channels(FIRST_CHANNELS, self.width)
        layers = [LayerGeometry(FIXED_FIRST, self.stem_channels, out, 1, residual=False)]
        for (channels, count), stage_stride in zip(_STAGES, strides(self.image_size)[1:], strict=True):
            for position in range(count):
                before, out = out, scaled_channels(channels, self.width)
                stride = stage_stride if position == 0 else 1
                layers.append(LayerGeometry(len(layers), before, out, stride, residual=position > 0))
        last = scaled_channels(LAST_CHANNELS, self.width)
        return (*layers, LayerGeometry(FIXED_LAST, out, last, 1, residual=False))


class MobileNetV2(PlainNetwork):
    """The network.

    Args:
        macro: Width, image size, classes.
    """

    def __init__(self, macro: MacroArchitecture) -> None:
        own = MobileNetV2Macro(macro.width, macro.image_size, macro.image_channels, macro.classes)
        super().__init__(own, lambda geometry: MBConv(geometry, _TYPE))
