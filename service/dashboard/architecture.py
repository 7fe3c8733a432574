"""An architecture as five stages of four layers, ready to be drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas_worker.platform import Platform
from nas_worker.space import LAYERS_PER_STAGE, SEARCHABLE, STAGES, parse_layer_type


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as it is drawn.

    Attributes:
        index: 1..20.
        text: Text form of its type, such as ``5x5-6-0.25``.
        kernel: 3 or 5; 0 is skipped.
        expansion: 3 or 6; 0 is skipped.
        se_ratio: 0, 0.25 or 0.5.
        runtime_ms: What it costs on the platform, or None where the platform is not known.
    """

    index: int
    text: str
    kernel: int
    expansion: int
    se_ratio: float
    runtime_ms: float | None

    @property
    def words(self) -> str:
        """The type in words."""
        if self.kernel == 0:
            return "skipped"
        squeeze = f", squeeze-and-excitation {self.se_ratio:g}" if self.se_ratio else ""
        return f"{self.kernel}x{self.kernel} kernel, expansion {self.expansion}{squeeze}"


@dataclass(frozen=True, slots=True)
class Stage:
    """Four layers of one width.

    Attributes:
        number: 1..5.
        channels: Output channels at width 1.
        layers: The layers.
    """

    number: int
    channels: int
    layers: tuple[Layer, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """Type of a layer at the end of an epoch, and whether it differs from the epoch before."""

    text: str
    kernel: int
    is_new: bool


def forming(architectures: Sequence[Sequence[str]]) -> list[list[Cell]]:
    """A row per searchable layer with a cell per epoch.

    Args:
        architectures: Text forms of the 20 layers, for each epoch in order.
    """
    rows = []
    for texts in zip(*architectures, strict=True):
        before = (texts[0], *texts)
        rows.append(
            [
                Cell(text, parse_layer_type(text).kernel, is_new=text != last)
                for text, last in zip(texts, before, strict=False)
            ]
        )
    return rows


def drawing(architecture: Sequence[str], platform: Platform | None) -> tuple[Stage, ...]:
    """The stages of an architecture.

    Args:
        architecture: Text forms of the 20 searchable layers.
        platform: Where runtimes come from; None leaves them out.
    """
    layers = []
    for index, text in zip(SEARCHABLE, architecture, strict=True):
        kind = parse_layer_type(text)
        cost = None if platform is None else platform.layer_ms(index, kind)
        layers.append(Layer(index, text, kind.kernel, kind.expansion, kind.se_ratio, cost))
    return tuple(
        Stage(number, channels, tuple(layers[(number - 1) * LAYERS_PER_STAGE : number * LAYERS_PER_STAGE]))
        for number, (channels, _) in enumerate(STAGES, start=1)
    )
