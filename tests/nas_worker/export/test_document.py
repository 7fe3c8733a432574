import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_worker.errors import ArchitectureFormatError
from nas_worker.export.document import ArchitectureDocument
from nas_worker.space import FULL_SIZE, Architecture, LayerType, MacroArchitecture
from tests.nas_worker.strategies import architectures

PLAIN = Architecture.uniform(LayerType(3, 6, 0.0))
macros = st.builds(
    MacroArchitecture,
    width=st.floats(0.05, 2),
    image_size=st.integers(8, 512),
    image_channels=st.integers(1, 4),
    classes=st.integers(1, 2000),
)


@given(architectures, macros, st.none() | st.floats(1, 1e4))
def test_what_is_written_is_read(
    architecture: Architecture, macro: MacroArchitecture, runtime_ms: float | None
) -> None:
    document = ArchitectureDocument.of(architecture, macro, "pixel1" if runtime_ms else None, runtime_ms)
    found = ArchitectureDocument.from_json(document.to_json())
    assert found == document
    assert (found.layers, found.macro) == (architecture, macro)


def test_a_document_says_what_it_is() -> None:
    content = json.loads(ArchitectureDocument.of(PLAIN, FULL_SIZE, "pixel1", 79.5).to_json())
    assert content == {
        "format": "spnas-architecture",
        "version": 1,
        "space": "single-path-mbconv",
        "width": 1.0,
        "image_size": 224,
        "image_channels": 3,
        "classes": 1000,
        "platform": "pixel1",
        "runtime_ms": 79.5,
        "architecture": ["3x3-6-0"] * 20,
    }


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 2}, "version is 2; this version reads 1"),
        ({"format": "onnx"}, "format is 'onnx'; this version reads 'spnas-architecture'"),
        ({"space": None}, "space is None"),
        ({"width": 0}, "width: "),
        ({"width": "1"}, "width: "),
        ({"image_size": 4}, "image_size: "),
        ({"depth": 3}, "depth: "),
        ({"platform": "pixel1"}, "platform and runtime_ms belong together"),
        ({"architecture": ["3x3-6-0"] * 19}, "architecture: an architecture has 20 layers; got 19"),
        ({"architecture": ["7x7-6-0"] * 20}, "architecture: layer 1: '7x7-6-0' is no layer type"),
        ({"architecture": ["skip"] * 20}, "architecture: layer 1 cannot be skip"),
        ({"width": 9, "classes": 0}, "; classes: "),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], says: str) -> None:
    content = json.loads(ArchitectureDocument.of(PLAIN).to_json()) | change
    with pytest.raises(ArchitectureFormatError) as caught:
        ArchitectureDocument.from_json(json.dumps(content))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "no JSON: "), (b"\xff\xfe\x00", "no JSON: "), ("[1]", "got list"), ("{}", "format is missing")],
)
def test_other_texts_are_refused(text: str | bytes, says: str) -> None:
    with pytest.raises(ArchitectureFormatError) as caught:
        ArchitectureDocument.from_json(text)
    assert says in str(caught.value)


def test_a_document_outside_its_bounds_is_not_made() -> None:
    with pytest.raises(ArchitectureFormatError, match="width: "):
        ArchitectureDocument.of(PLAIN, MacroArchitecture(3.0, 224, 3, 10))
