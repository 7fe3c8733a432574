"""A ConvNet drawn in the terminal, in the manner of Fig. 6."""

from rich.text import Text

from nas_worker.export.layers import DrawnLayer, LayeredNet
from nas_worker.space import LAYERS_PER_STAGE
from service.cli.render.numbers import NONE
from service.cli.render.table import PlainTable

_KERNEL_STYLES = {3: "blue", 5: "yellow"}
_RUNTIME_BAR = 20
"""Columns of the longest runtime bar."""
_RIGHT = ("layer", "stage", "kernel", "se", "map", "channels", "ms", "share")


def convnet_drawing(net: LayeredNet, title: str, *, ascii_only: bool) -> PlainTable:
    """One row a layer: kernel, expansion and SE as text and as a bar, map, channels, runtime and its share.

    Args:
        net: What is drawn.
        title: What stands above.
        ascii_only: Whether the terminal has no other characters.
    """
    mark = "#" if ascii_only else "█"
    table = PlainTable(
        "layer", "stage", "kernel", "expansion", "se", "map", "channels", "ms", "share", "",
        numeric=_RIGHT, optional=("", "share", "channels", "stage"), title=title,
    )  # fmt: skip
    stem = f"{net.stem_size}x{net.stem_size}"
    table.add_row("stem", "", "3x3", "", "", stem, str(net.macro.stem_channels), "", "", "")
    highest = max((layer.runtime_ms or 0.0 for layer in net.layers), default=0.0) or 1.0
    for layer in net.layers:
        _add_layer(table, net, layer, highest, mark)
    table.add_row(
        "head", "", "1x1", "", "", "1x1", str(net.macro.head_channels), "", "", "", ends_section=True
    )
    if net.base_ms is not None and net.total_ms is not None:
        base_share = f"{net.share(net.base_ms):.1%}"
        table.add_row("", "", "", "stem, 0, 21, head", "", "", "", f"{net.base_ms:.2f}", base_share, "")
        table.add_row("", "", "", "in all", "", "", "", f"{net.total_ms:.2f}", "", "", style="bold")
    return table


def _add_layer(table: PlainTable, net: LayeredNet, layer: DrawnLayer, highest_ms: float, mark: str) -> None:
    kind, geometry = layer.layer_type, layer.geometry
    index = str(geometry.index)
    stage = NONE if layer.stage is None else str(layer.stage)
    ends_stage = layer.stage is not None and geometry.index % LAYERS_PER_STAGE == 0
    if kind.is_skip:
        table.add_row(index, stage, NONE, "skip", *[NONE] * 5, "", style="dim", ends_section=ends_stage)
        return
    style = _KERNEL_STYLES[kind.kernel]
    share = net.share(layer.runtime_ms)
    bar = "" if layer.runtime_ms is None else mark * round(_RUNTIME_BAR * layer.runtime_ms / highest_ms)
    table.add_row(
        index,
        stage,
        f"{kind.kernel}x{kind.kernel}",
        Text(f"{mark * kind.expansion} {kind.expansion}", style=style),
        Text(f"{kind.se_ratio:g}", style="green") if kind.se_ratio else NONE,
        f"{layer.out_size}x{layer.out_size}",
        str(geometry.out_channels),
        NONE if layer.runtime_ms is None else f"{layer.runtime_ms:.2f}",
        NONE if share is None else f"{share:.1%}",
        Text(bar, style=style),
        ends_section=ends_stage,
    )
