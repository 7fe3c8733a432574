"""A ConvNet layer by layer: what a drawing shows."""

from dataclasses import dataclass

from nas_worker.platform import Platform
from nas_worker.space import (
    FIXED_FIRST,
    FIXED_FIRST_TYPE,
    FIXED_LAST,
    FIXED_LAST_TYPE,
    LAYERS_PER_STAGE,
    Architecture,
    LayerGeometry,
    LayerType,
    MacroArchitecture,
)


@dataclass(frozen=True, slots=True)
class DrawnLayer:
    """One of the 22 MBConv layers.

    Attributes:
        geometry: Index, channels, stride.
        layer_type: Its type, or skip.
        stage: 1..5 for searchable layers, None for the fixed ones.
        out_size: Side of the output map in pixels.
        runtime_ms: Of a searchable layer on the platform, at full size; None for the fixed ones, which are
            part of the base, and without a platform.
    """

    geometry: LayerGeometry
    layer_type: LayerType
    stage: int | None
    out_size: int
    runtime_ms: float | None


@dataclass(frozen=True, slots=True)
class LayeredNet:
    """A ConvNet with its sizes and runtimes.

    Attributes:
        macro: Width, image size, classes.
        stem_size: Side of the stem's output map in pixels.
        layers: The 22 MBConv layers.
        platform: Name of the platform, or None.
        base_ms: Runtime of stem, fixed layers, head and classifier together; None without a platform.
    """

    macro: MacroArchitecture
    stem_size: int
    layers: tuple[DrawnLayer, ...]
    platform: str | None
    base_ms: float | None

    @property
    def total_ms(self) -> float | None:
        """Runtime R (Eq. 11) at full size in milliseconds, or None without a platform."""
        if self.base_ms is None:
            return None
        return self.base_ms + sum(layer.runtime_ms or 0.0 for layer in self.layers)

    def share(self, runtime_ms: float | None) -> float | None:
        """Share of a part's runtime in the whole, in [0, 1]; None where the part has none."""
        total_ms = self.total_ms
        return None if total_ms is None or runtime_ms is None else runtime_ms / total_ms


def layered(
    architecture: Architecture, macro: MacroArchitecture, platform: Platform | None = None
) -> LayeredNet:
    """The layers of a ConvNet, with runtimes where a platform is given."""
    size = stem_size = _reduced(macro.image_size, macro.stem_stride)
    types = (FIXED_FIRST_TYPE, *architecture.layers, FIXED_LAST_TYPE)
    layers = []
    for geometry, layer_type in zip(macro.layers, types, strict=True):
        size = _reduced(size, geometry.stride)
        is_fixed = geometry.index in (FIXED_FIRST, FIXED_LAST)
        layers.append(
            DrawnLayer(
                geometry=geometry,
                layer_type=layer_type,
                stage=None if is_fixed else (geometry.index - 1) // LAYERS_PER_STAGE + 1,
                out_size=size,
                runtime_ms=None
                if is_fixed or platform is None
                else platform.layer_ms(geometry.index, layer_type),
            )
        )
    return LayeredNet(
        macro=macro,
        stem_size=stem_size,
        layers=tuple(layers),
        platform=platform.name if platform else None,
        base_ms=platform.base_ms if platform else None,
    )


def _reduced(size: int, stride: int) -> int:
    # "Same" padding of an odd kernel, as all convolutions here have it.
    return (size - 1) // stride + 1
