"""A drawing of a ConvNet in the manner of Fig. 6, as SVG."""

from collections.abc import Iterable
from itertools import groupby
from xml.etree import ElementTree as Xml

from nas_worker.export.layers import DrawnLayer, LayeredNet
from nas_worker.space import EXPANSIONS, KERNELS, LayerType

_COLUMN = 52
_BOX = 44
_MARGIN = 16
_TITLE_Y, _STAGE_Y, _SIZE_Y, _BOX_Y = 28, 58, 76, 140
_CHANNELS_Y, _BARS_Y, _BAR_HEIGHT = 202, 330, 84
_HEIGHT = 388
_BOX_HEIGHTS = {1: 40, 3: 56, 6: 92}
"""Height of a box by the expansion."""
_COLORS = {(3, 3): "#9ecae9", (3, 6): "#4c9fd6", (5, 3): "#f7bf87", (5, 6): "#e58a2b"}
"""Blue for 3x3 and orange for 5x5, darker where the expansion is 6."""
_FIXED_COLOR, _SE_COLOR, _BAR_COLOR, _INK, _PALE = "#d4d7db", "#1b7f4b", "#5b6470", "#1d2126", "#8b929b"
_SMALL, _NORMAL, _LARGE = 10, 11, 16


def svg_text(net: LayeredNet, title: str) -> str:
    """The drawing as the text of an SVG file.

    Boxes are MBConv layers: coloured by kernel and expansion, higher with the expansion, with a green foot
    for SE; a dashed one is skipped. Stages and map sizes stand above, output channels, the layer's number and
    its runtime below.

    Args:
        net: What is drawn.
        title: What stands above.
    """
    columns = len(net.layers) + 2
    width = 2 * _MARGIN + columns * _COLUMN
    root = Xml.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {_HEIGHT}",
        width=str(width),
        height=str(_HEIGHT),
        role="img",
    )
    root.set("font-family", "system-ui, sans-serif")
    Xml.SubElement(root, "title").text = title
    _rect(root, 0, 0, width, _HEIGHT, fill="#ffffff")
    _text(root, _MARGIN, _TITLE_Y, title, size=_LARGE, anchor="start", weight="600")
    _line(root, _centre(0), _BOX_Y, _centre(columns - 1), _BOX_Y)
    macro = net.macro
    _plain_box(root, 0, ["conv", "3x3"], f"{net.stem_size}x{net.stem_size}", macro.stem_channels)
    for column, layer in enumerate(net.layers, start=1):
        _layer(root, column, layer)
    _plain_box(root, columns - 1, ["conv", "1x1", "pool", "fc"], "1x1", macro.head_channels)
    _stages(root, net.layers)
    _legend(root, width - _MARGIN)
    _text(root, _centre(0), _CHANNELS_Y + 16, "layer", size=_SMALL, color=_PALE)
    if net.total_ms is not None:
        _runtimes(root, net)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode") + "\n"


def _layer(root: Xml.Element, column: int, layer: DrawnLayer) -> None:
    kind = layer.layer_type
    name = f"layer {layer.geometry.index}: {kind}"
    if kind.is_skip:
        box = _box(root, column, _BOX_HEIGHTS[3], fill="#ffffff", stroke=_PALE, dash="4 3")
        _lines(root, column, ["skip"], color=_PALE)
    else:
        height = _BOX_HEIGHTS[kind.expansion]
        box = _box(root, column, height, fill=_color(kind), stroke=_INK)
        _lines(root, column, [f"{kind.kernel}x{kind.kernel}", f"e {kind.expansion}"])
        if kind.se_ratio:
            _se_foot(root, column, height, kind.se_ratio)
        _text(root, _centre(column), _CHANNELS_Y, str(layer.geometry.out_channels), size=_SMALL)
    Xml.SubElement(box, "title").text = name
    _text(root, _centre(column), _CHANNELS_Y + 16, str(layer.geometry.index), size=_SMALL, color=_PALE)


def _color(kind: LayerType) -> str:
    return _COLORS.get((kind.kernel, kind.expansion), _FIXED_COLOR)


def _se_foot(root: Xml.Element, column: int, box_height: int, ratio: float) -> None:
    top = _BOX_Y + box_height / 2 - 14
    _rect(root, _left(column), top, _BOX, 14, fill=_SE_COLOR, stroke=_INK)
    _text(root, _centre(column), top + 10.5, f"se {ratio:g}", size=_SMALL, color="#ffffff")


def _plain_box(root: Xml.Element, column: int, lines: list[str], size: str, channels: int) -> None:
    _box(root, column, 72, fill=_FIXED_COLOR, stroke=_INK)
    _lines(root, column, lines)
    _text(root, _centre(column), _SIZE_Y, size, size=_SMALL, color=_PALE)
    _text(root, _centre(column), _CHANNELS_Y, str(channels), size=_SMALL)


def _stages(root: Xml.Element, layers: Iterable[DrawnLayer]) -> None:
    """A bracket over each stage, its number and the size of its maps."""
    numbered = list(enumerate(layers, start=1))
    for stage, group in groupby(numbered, key=lambda pair: pair[1].stage or f"fixed {pair[0]}"):
        members = list(group)
        first, last = members[0][0], members[-1][0]
        middle = (_centre(first) + _centre(last)) / 2
        size = members[0][1].out_size
        _text(root, middle, _SIZE_Y, f"{size}x{size}", size=_SMALL, color=_PALE)
        if members[0][1].stage is not None:
            _line(root, _left(first), _STAGE_Y + 5, _left(last) + _BOX, _STAGE_Y + 5)
            _text(root, middle, _STAGE_Y, f"stage {stage}", size=_NORMAL)


def _runtimes(root: Xml.Element, net: LayeredNet) -> None:
    """A bar for each searchable layer: its runtime, and its share of the whole."""
    highest = max((layer.runtime_ms or 0.0 for layer in net.layers), default=0.0) or 1.0
    for column, layer in enumerate(net.layers, start=1):
        share = net.share(layer.runtime_ms)
        if layer.runtime_ms is None or share is None or layer.layer_type.is_skip:
            continue
        height = _BAR_HEIGHT * layer.runtime_ms / highest
        _rect(root, _left(column) + 8, _BARS_Y - height, _BOX - 16, height, fill=_BAR_COLOR)
        _text(root, _centre(column), _BARS_Y - height - 4, f"{layer.runtime_ms:.1f}", size=_SMALL)
        _text(root, _centre(column), _BARS_Y + 14, f"{share:.1%}", size=_SMALL, color=_PALE)
    _text(root, _centre(0), _BARS_Y - 4, "ms", size=_SMALL)
    _text(root, _centre(0), _BARS_Y + 14, "share", size=_SMALL, color=_PALE)
    base_share = net.share(net.base_ms)
    note = (
        f"{net.total_ms:.1f} ms on {net.platform} at full size (width 1, 224 x 224); "
        f"stem, layers 0 and 21, head and classifier together {net.base_ms:.1f} ms ({base_share:.1%})"
    )
    _text(root, _MARGIN, _HEIGHT - 20, note, size=_NORMAL, anchor="start")


def _legend(root: Xml.Element, right: float) -> None:
    """What the colours mean, on the title's line."""
    entries = [(f"{kernel}x{kernel}, e {e}", _COLORS[kernel, e]) for kernel in KERNELS for e in EXPANSIONS]
    for place, (words, color) in enumerate([*entries, ("squeeze and excitation", _SE_COLOR)]):
        x = right - 510 + place * 90
        _rect(root, x, _TITLE_Y - 9, 10, 10, fill=color, stroke=_INK)
        _text(root, x + 15, _TITLE_Y, words, size=_SMALL, anchor="start")


def _left(column: int) -> float:
    return _MARGIN + column * _COLUMN + (_COLUMN - _BOX) / 2


def _centre(column: int) -> float:
    return _MARGIN + column * _COLUMN + _COLUMN / 2


def _box(
    root: Xml.Element, column: int, height: int, *, fill: str, stroke: str, dash: str | None = None
) -> Xml.Element:
    box = _rect(root, _left(column), _BOX_Y - height / 2, _BOX, height, fill=fill, stroke=stroke)
    box.set("rx", "3")
    if dash:
        box.set("stroke-dasharray", dash)
    return box


def _lines(root: Xml.Element, column: int, lines: list[str], color: str = _INK) -> None:
    top = _BOX_Y - (len(lines) - 1) * 7 + 1
    for place, line in enumerate(lines):
        _text(root, _centre(column), top + place * 14, line, size=_NORMAL, color=color)


def _rect(
    root: Xml.Element,
    x: float,
    y: float,
    width: float,
    height: float,
    *,
    fill: str,
    stroke: str | None = None,
) -> Xml.Element:
    numbers = {"x": x, "y": y, "width": width, "height": height}
    rect = Xml.SubElement(root, "rect", {name: f"{value:g}" for name, value in numbers.items()}, fill=fill)
    if stroke:
        rect.set("stroke", stroke)
    return rect


def _line(root: Xml.Element, x1: float, y1: float, x2: float, y2: float) -> None:
    numbers = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    Xml.SubElement(root, "line", {name: f"{value:g}" for name, value in numbers.items()}, stroke=_PALE)


def _text(
    root: Xml.Element,
    x: float,
    y: float,
    text: str,
    *,
    size: int,
    anchor: str = "middle",
    color: str = _INK,
    weight: str = "400",
) -> None:
    attributes = {
        "x": f"{x:g}",
        "y": f"{y:g}",
        "font-size": str(size),
        "text-anchor": anchor,
        "fill": color,
        "font-weight": weight,
    }
    Xml.SubElement(root, "text", attributes).text = text
