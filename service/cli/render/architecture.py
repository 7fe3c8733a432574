"""A ConvNet layer by layer, as the latency table sees it."""

from collections.abc import Sequence

from nas_worker.platform import Platform
from nas_worker.space import FULL_SIZE, SEARCHABLE, Architecture
from service.cli.render.numbers import NONE
from service.cli.render.table import PlainTable


def architecture_table(architecture: Sequence[str], platform: Platform) -> PlainTable:
    """The 20 searchable layers with output channels, stride and runtime, and the sum R of Eq. 11.

    Raises:
        ValueError: The texts are not a valid architecture.
    """
    headers = ("layer", "type", "channels", "stride", "ms")
    table = PlainTable(
        *headers,
        numeric=("layer", "channels", "stride", "ms"),
        title=f"the ConvNet at full size (width 1, 224 x 224) on {platform.name}",
    )
    total_ms = platform.base_ms
    for layer, layer_type in zip(SEARCHABLE, Architecture.parse(architecture).layers, strict=True):
        geometry = FULL_SIZE.layers[layer]
        layer_ms = platform.layer_ms(layer, layer_type)
        total_ms += layer_ms
        table.add_row(
            str(layer),
            str(layer_type),
            NONE if layer_type.is_skip else str(geometry.out_channels),
            NONE if layer_type.is_skip else str(geometry.stride),
            f"{layer_ms:.2f}",
            style="dim" if layer_type.is_skip else "",
            ends_section=layer == SEARCHABLE[-1],
        )
    table.add_row("", "stem, layers 0 and 21, head", "", "", f"{platform.base_ms:.2f}")
    table.add_row("", "in all", "", "", f"{total_ms:.2f}", style="bold")
    return table
