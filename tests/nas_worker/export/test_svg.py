from xml.etree import ElementTree as Xml

from hypothesis import given, settings

from nas_worker.export.layers import layered
from nas_worker.export.svg import svg_text
from nas_worker.platform import load_platform
from nas_worker.space import FULL_SIZE, Architecture
from tests.nas_worker.strategies import architectures

SVG = "{http://www.w3.org/2000/svg}"
PIXEL1 = load_platform("pixel1")


def texts(drawing: str) -> list[str]:
    return [element.text or "" for element in Xml.fromstring(drawing).iter(f"{SVG}text")]


@settings(max_examples=20)
@given(architectures)
def test_every_layer_is_drawn_inside_the_picture(architecture: Architecture) -> None:
    net = layered(architecture, FULL_SIZE, PIXEL1)
    drawing = svg_text(net, "net")
    root = Xml.fromstring(drawing)
    names = [element.text for element in root.iter(f"{SVG}title")][1:]
    assert names == [f"layer {layer.geometry.index}: {layer.layer_type}" for layer in net.layers]
    shown = texts(drawing)
    assert shown.count("skip") == sum(layer.is_skip for layer in architecture.layers)
    for ratio in ("0.25", "0.5"):
        assert shown.count(f"se {ratio}") == sum(
            str(layer.se_ratio) == ratio for layer in architecture.layers
        )
    assert any(f"{net.total_ms:.1f} ms on pixel1" in text for text in shown)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for rect in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        assert min(x, y, w, h) >= 0
        assert x + w <= width
        assert y + h <= height


def test_stages_maps_and_shares_are_told() -> None:
    architecture = Architecture.parse(["3x3-3-0"] * 20)
    net = layered(architecture, FULL_SIZE, PIXEL1)
    shown = texts(svg_text(net, "net"))
    assert [text for text in shown if text.startswith("stage ")] == [
        f"stage {stage}" for stage in range(1, 6)
    ]
    assert {"112x112", "56x56", "28x28", "14x14", "7x7"} <= set(shown)
    assert f"{net.share(net.layers[1].runtime_ms):.1%}" in shown


def test_without_a_platform_no_runtime_is_told() -> None:
    shown = texts(svg_text(layered(Architecture.parse(["3x3-3-0"] * 20), FULL_SIZE), "net"))
    assert not [text for text in shown if "ms" in text or "%" in text]


def test_a_title_cannot_break_the_file() -> None:
    title = "a <b> & 'c'"
    assert texts(svg_text(layered(Architecture.parse(["3x3-3-0"] * 20), FULL_SIZE), title))[0] == title
