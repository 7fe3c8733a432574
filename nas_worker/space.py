"""The search space as data (Sec. III-A, Fig. 3): layer types, macro-architecture, architectures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Self

N_SEARCHABLE = 20
FIXED_FIRST = 0
FIXED_LAST = 21
SEARCHABLE = range(1, N_SEARCHABLE + 1)
"""Indices of the searchable layers; layers 0 and 21 are fixed."""

KERNELS = (3, 5)
EXPANSIONS = (3, 6)
SE_RATIOS = (0.0, 0.25, 0.5)


@dataclass(frozen=True, slots=True)
class LayerType:
    """Type of an MBConv layer, or skip (all zero).

    Attributes:
        kernel: Side of the depthwise kernel, 3 or 5.
        expansion: Expanded channels over input channels, 3 or 6; 1 in the fixed layer 0.
        se_ratio: Squeeze channels over the expanded channels (those that enter the SE path); 0 is no SE.
    """

    kernel: int
    expansion: int
    se_ratio: float

    @property
    def is_skip(self) -> bool:
        """Whether the layer is left out and only its residual connection stays."""
        return self.kernel == 0

    def __str__(self) -> str:
        """Text form: ``3x3-3-0``, ``5x5-6-0.25``, ``skip``."""
        if self.is_skip:
            return "skip"
        return f"{self.kernel}x{self.kernel}-{self.expansion}-{self.se_ratio:g}"


SKIP = LayerType(0, 0, 0.0)
MBCONV_TYPES = tuple(LayerType(k, e, se) for k in KERNELS for e in EXPANSIONS for se in SE_RATIOS)
LAYER_TYPES = (*MBCONV_TYPES, SKIP)
"""The 13 types."""
LARGEST = LayerType(5, 6, 0.5)
FIXED_FIRST_TYPE = LayerType(3, 1, 0.0)
FIXED_LAST_TYPE = LayerType(3, 6, 0.0)

GATES = ("k5", "e3", "e6", "se25", "se50")
"""Gates of a searchable layer (Eqs. 2-4), in the order of the columns of every gate tensor."""

_BY_TEXT = {str(layer_type): layer_type for layer_type in LAYER_TYPES}


def parse_layer_type(text: str) -> LayerType:
    """The layer type of a text form.

    Raises:
        ValueError: The text is none of the 13 forms.
    """
    try:
        return _BY_TEXT[text]
    except KeyError:
        raise ValueError(f"{text!r} is no layer type; expected one of {', '.join(_BY_TEXT)}") from None


STEM_CHANNELS = 32
STEM_STRIDE = 2
FIRST_CHANNELS = 16
STAGES = ((24, 2), (40, 2), (80, 2), (96, 1), (192, 2))
"""(output channels, stride of the first layer) of the five stages of four searchable layers."""
LAYERS_PER_STAGE = 4
LAST_CHANNELS = 320
HEAD_CHANNELS = 1280


def is_skippable(layer: int) -> bool:
    """Whether a searchable layer has a residual and so can be skipped: all but the first of each stage."""
    return (layer - 1) % LAYERS_PER_STAGE != 0


def allowed_types(layer: int) -> tuple[LayerType, ...]:
    """Types that a searchable layer (1..20) may take."""
    return LAYER_TYPES if is_skippable(layer) else MBCONV_TYPES


@dataclass(frozen=True)
class Architecture:
    """One layer type for each of the 20 searchable layers. Always valid.

    Raises:
        ValueError: Not 20 layers, a type outside the 13, or a skip where there is no residual.
    """

    layers: tuple[LayerType, ...]

    def __post_init__(self) -> None:
        """Validates."""
        if len(self.layers) != N_SEARCHABLE:
            raise ValueError(f"an architecture has {N_SEARCHABLE} layers; got {len(self.layers)}")
        for layer, layer_type in zip(SEARCHABLE, self.layers, strict=True):
            if layer_type not in allowed_types(layer):
                raise ValueError(f"layer {layer} cannot be {layer_type}")

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Self:
        """From 20 text forms, the order being that of the layers.

        Raises:
            ValueError: As the class, or a text that is no layer type; the layer is named.
        """
        types = []
        for layer, text in enumerate(texts, start=1):
            try:
                types.append(parse_layer_type(text))
            except ValueError as error:
                raise ValueError(f"layer {layer}: {error}") from None
        return cls(tuple(types))

    def format(self) -> tuple[str, ...]:
        """The 20 text forms."""
        return tuple(str(layer_type) for layer_type in self.layers)

    @classmethod
    def uniform(cls, layer_type: LayerType) -> Self:
        """The same MBConv type in every layer."""
        return cls((layer_type,) * N_SEARCHABLE)

    @classmethod
    def sample(cls, random: Random) -> Self:
        """Each layer drawn uniformly from the types that it may take."""
        return cls(tuple(random.choice(allowed_types(layer)) for layer in SEARCHABLE))


@dataclass(frozen=True, slots=True)
class LayerGeometry:
    """Channels and stride of one of the 22 MBConv layers.

    Attributes:
        index: 0..21.
        in_channels: Channels of the layer's input.
        out_channels: Channels of its output.
        stride: Of the depthwise convolution.
        residual: Whether the input is added to the output. A property of the full-size network: it does not
            appear anew where a width multiplier makes two stages equally wide.
    """

    index: int
    in_channels: int
    out_channels: int
    stride: int
    residual: bool


def scaled_channels(channels: int, width: float, divisor: int = 8) -> int:
    """Channels at a width multiplier: the nearest multiple of 8, never more than 10 % below."""
    scaled = channels * width
    rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * scaled else rounded


_STRIDE_PRIORITY = (2, 3, 1, 5, 0)
"""Places where the network halves its map (0 is the stem, 1..5 the stages), the last to be given up first."""
_SMALLEST_MAP = 2


def strides(image_size: int) -> tuple[int, ...]:
    """Strides of the stem and the five stages.

    From 64 pixels on they are those of the paper (32 in all). On smaller images strides are given up until
    the last map is at least 2 x 2, in an order that leaves most layers to work on small maps.
    """
    halvings = min(len(_STRIDE_PRIORITY), int(math.log2(image_size / _SMALLEST_MAP)))
    kept = _STRIDE_PRIORITY[:halvings]
    full_size = (STEM_STRIDE, *(stride for _, stride in STAGES))
    return tuple(stride if place in kept else 1 for place, stride in enumerate(full_size))


@dataclass(frozen=True)
class MacroArchitecture:
    """The network around the layer types, at one width and image size.

    Attributes:
        width: Width multiplier.
        image_size: Side of the input images in pixels.
        image_channels: Channels of the input images.
        classes: Outputs of the classifier.
    """

    width: float
    image_size: int
    image_channels: int
    classes: int

    @property
    def stem_channels(self) -> int:
        """Output channels of the 3x3 stem."""
        return scaled_channels(STEM_CHANNELS, self.width)

    @property
    def stem_stride(self) -> int:
        """Stride of the stem."""
        return strides(self.image_size)[0]

    @property
    def head_channels(self) -> int:
        """Output channels of the 1x1 head."""
        return scaled_channels(HEAD_CHANNELS, self.width)

    @cached_property
    def layers(self) -> tuple[LayerGeometry, ...]:
        """The 22 MBConv layers in order."""
        channels = self.stem_channels
        out = scaled_channels(FIRST_CHANNELS, self.width)
        layers = [LayerGeometry(FIXED_FIRST, channels, out, 1, residual=False)]
        for (stage_channels, _), stage_stride in zip(STAGES, strides(self.image_size)[1:], strict=True):
            for position in range(LAYERS_PER_STAGE):
                channels, out = out, scaled_channels(stage_channels, self.width)
                index = len(layers)
                stride = stage_stride if position == 0 else 1
                layers.append(LayerGeometry(index, channels, out, stride, residual=is_skippable(index)))
        last = scaled_channels(LAST_CHANNELS, self.width)
        return (*layers, LayerGeometry(FIXED_LAST, out, last, 1, residual=False))


FULL_SIZE = MacroArchitecture(width=1.0, image_size=224, image_channels=3, classes=1000)
"""The network whose layers a latency table profiles, whatever proxy of it was searched."""
