import re
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_worker.space import (
    LARGEST,
    LAYER_TYPES,
    SEARCHABLE,
    SKIP,
    Architecture,
    MacroArchitecture,
    allowed_types,
    is_skippable,
    parse_layer_type,
    scaled_channels,
    strides,
)
from tests.nas_worker.strategies import architectures


def test_there_are_13_types_and_five_layers_that_cannot_be_skipped() -> None:
    assert len(set(LAYER_TYPES)) == 13
    assert [layer for layer in SEARCHABLE if not is_skippable(layer)] == [1, 5, 9, 13, 17]
    sizes = sorted(len(allowed_types(layer)) for layer in SEARCHABLE)
    assert sizes == [12] * 5 + [13] * 15


@pytest.mark.parametrize("layer_type", LAYER_TYPES, ids=str)
def test_text_form_of_a_type_round_trips(layer_type: object) -> None:
    assert parse_layer_type(str(layer_type)) == layer_type


def test_text_forms_are_those_of_the_contract() -> None:
    assert [str(t) for t in LAYER_TYPES[:3]] == ["3x3-3-0", "3x3-3-0.25", "3x3-3-0.5"]
    assert (str(LARGEST), str(SKIP)) == ("5x5-6-0.5", "skip")


@given(st.text(max_size=12).filter(lambda text: text not in map(str, LAYER_TYPES)))
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no layer type; expected one of 3x3-3-0"):
        parse_layer_type(text)


@given(architectures)
def test_architecture_round_trips(architecture: Architecture) -> None:
    assert Architecture.parse(architecture.format()) == architecture


@given(st.integers(0, 2**32))
def test_sampled_architectures_are_valid_and_repeatable(seed: int) -> None:
    assert Architecture.sample(Random(seed)) == Architecture.sample(Random(seed))


def test_samples_use_every_type_in_every_layer() -> None:
    random = Random(0)
    samples = [Architecture.sample(random) for _ in range(500)]
    for layer in SEARCHABLE:
        assert {sample.layers[layer - 1] for sample in samples} == set(allowed_types(layer))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["3x3-3-0"] * 19, "an architecture has 20 layers; got 19"),
        (["3x3-3-0"] * 21, "an architecture has 20 layers; got 21"),
        (["skip"] * 20, "layer 1 cannot be skip"),
        (["3x3-3-0"] * 4 + ["skip"] + ["3x3-3-0"] * 15, "layer 5 cannot be skip"),
        (["3x3-3-0"] * 6 + ["7x7-3-0"] + ["3x3-3-0"] * 13, "layer 7: '7x7-3-0' is no layer type"),
        (["3x3-1-0"] * 20, "layer 1: '3x3-1-0' is no layer type"),
    ],
)
def test_wrong_architectures_are_refused(texts: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Architecture.parse(texts)


def test_full_size_geometry_is_that_of_the_paper() -> None:
    macro = MacroArchitecture(width=1.0, image_size=224, image_channels=3, classes=1000)
    assert (macro.stem_channels, macro.stem_stride, macro.head_channels) == (32, 2, 1280)
    rows = [(g.in_channels, g.out_channels, g.stride) for g in macro.layers]
    assert [g.index for g in macro.layers] == list(range(22))
    assert rows[0] == (32, 16, 1)
    assert rows[1::4] == [(16, 24, 2), (24, 40, 2), (40, 80, 2), (80, 96, 1), (96, 192, 2), (192, 320, 1)]
    assert rows[2:5] == [(24, 24, 1)] * 3
    assert rows[18:21] == [(192, 192, 1)] * 3
    assert [g.index for g in macro.layers if not g.residual] == [0, 1, 5, 9, 13, 17, 21]


@given(st.sampled_from([0.1, 0.25, 0.35, 0.5, 0.75, 1.0, 1.4]), st.sampled_from([8, 28, 32, 64, 224]))
def test_geometry_fits_together_at_any_width(width: float, image_size: int) -> None:
    layers = MacroArchitecture(width, image_size, 3, 10).layers
    for before, after in pairwise(layers):
        assert before.out_channels == after.in_channels
    for geometry in layers:
        assert geometry.in_channels % 8 == geometry.out_channels % 8 == 0
        if geometry.residual:
            assert (geometry.stride, geometry.in_channels) == (1, geometry.out_channels)


@given(st.integers(8, 2000), st.floats(0.05, 2))
def test_scaled_channels_are_near_and_never_much_below(channels: int, width: float) -> None:
    scaled = scaled_channels(channels, width)
    assert scaled % 8 == 0
    assert scaled >= 0.9 * channels * width
    assert scaled <= max(8, channels * width + 8)


@given(st.integers(8, 512))
def test_the_last_map_keeps_two_pixels(image_size: int) -> None:
    size = image_size
    for stride in strides(image_size):
        assert stride in (1, 2)
        size = (size - 1) // stride + 1
    assert size >= 2


def test_strides_of_common_sizes() -> None:
    assert strides(224) == strides(64) == (2, 2, 2, 2, 1, 2)
    assert strides(8) == (1, 1, 2, 2, 1, 1)
