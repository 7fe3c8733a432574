import pytest
from hypothesis import given

from nas_worker.errors import ArchitectureFormatError
from nas_worker.export.block_strings import decode_blocks, encode_blocks, encode_mnasnet_blocks
from nas_worker.space import LAYERS_PER_STAGE, MBCONV_TYPES, SKIP, Architecture, LayerType
from tests.nas_worker.strategies import architectures

PLAIN = encode_blocks(Architecture.uniform(LayerType(3, 6, 0.0)))


def skips_last(architecture: Architecture) -> Architecture:
    """The same network with the skipped layers at the end of their stage."""
    layers = architecture.layers
    stages = [layers[start : start + LAYERS_PER_STAGE] for start in range(0, len(layers), LAYERS_PER_STAGE)]
    return Architecture(tuple(layer for stage in stages for layer in sorted(stage, key=SKIP.__eq__)))


@given(architectures)
def test_every_architecture_comes_back(architecture: Architecture) -> None:
    texts = encode_blocks(architecture)
    assert len(texts) == 22
    assert decode_blocks(texts) == architecture


@given(architectures)
def test_mnasnets_strings_are_of_the_same_network(architecture: Architecture) -> None:
    texts = encode_mnasnet_blocks(architecture)
    assert "skip" not in texts
    assert decode_blocks(texts) == skips_last(architecture)


@pytest.mark.parametrize("layer_type", MBCONV_TYPES, ids=str)
def test_kernel_expansion_and_se_are_those_of_the_type(layer_type: LayerType) -> None:
    """The authors' decoder writes e=3 for 3x3-6 and e=6 for 5x5-3."""
    architecture = Architecture.uniform(layer_type)
    tokens = encode_blocks(architecture)[1].split("_")
    assert f"k{layer_type.kernel}" in tokens
    assert f"e{layer_type.expansion}" in tokens
    assert (f"se{layer_type.se_ratio:g}" in tokens) == (layer_type.se_ratio > 0)
    squeezed = 16 * layer_type.expansion * layer_type.se_ratio
    ratios = [token for token in encode_mnasnet_blocks(architecture)[1].split("_") if token.startswith("se")]
    assert [16 * float(token.removeprefix("se")) for token in ratios] == ([squeezed] if squeezed else [])


def test_the_strings_of_a_known_network() -> None:
    assert PLAIN[:3] == ("r1_k3_s11_e1_i32_o16_noskip", "r1_k3_s22_e6_i16_o24", "r1_k3_s11_e6_i24_o24")
    assert PLAIN[13] == "r1_k3_s11_e6_i80_o96"
    assert PLAIN[-1] == "r1_k3_s11_e6_i192_o320_noskip"


def test_repeats_are_layers_of_the_same_type() -> None:
    texts = [
        PLAIN[0],
        "r4_k5_s22_e3_i16_o24_se0.25",
        "r1_k3_s22_e6_i24_o40",
        "r2_k5_s11_e6_i40_o40",
        *PLAIN[9:],
    ]
    found = decode_blocks(texts).format()
    assert found[:8] == ("5x5-3-0.25",) * 4 + ("3x3-6-0", "5x5-6-0", "5x5-6-0", "skip")
    assert found[8:] == ("3x3-6-0",) * 12


def test_the_order_of_the_parts_does_not_matter() -> None:
    assert decode_blocks(["_".join(reversed(text.split("_"))) for text in PLAIN]) == decode_blocks(PLAIN)


@pytest.mark.parametrize(
    ("place", "text", "says"),
    [
        (3, "r1_k7_s11_e6_i24_o24", "block 4, 'r1_k7_s11_e6_i24_o24': no layer type"),
        (3, "r1_k3_s11_e4_i24_o24", "no layer type"),
        (3, "r1_k3_s11_e6_i24_o24_se0.3", "no layer type"),
        (3, "r1_k3_s11_e6_i24", "o missing"),
        (3, "r1_k3_s12_e6_i24_o24", "two strides"),
        (3, "r1_k3_s11_e6_i24_o24_k5", "k stands twice"),
        (3, "r1_k3_s11_e6_i24_o24_swish", "'swish' is not understood"),
        (3, "r1.5_k3_s11_e6_i24_o24", "r must be a whole number"),
        (3, "r0_k3_s11_e6_i24_o24", "r is 0"),
        (
            3,
            "r4_k3_s11_e6_i24_o24",
            "block 4, 'r4_k3_s11_e6_i24_o24': layer 5 starts a stage with s22, i24, o40",
        ),
        (3, "r1_k3_s11_e6_i32_o32", "layer 5 starts a stage"),
        (1, "skip", "layer 1 cannot be skip"),
        (0, "skip", "layer 0 cannot be skipped"),
        (0, "r1_k3_s11_e3_i32_o16_noskip", "layer 0 is fixed; expected r1_k3_s11_e1_i32_o16_noskip"),
        (21, "r1_k3_s11_e6_i192_o320_se0.25_noskip", "layer 21 is fixed"),
    ],
)
def test_a_wrong_block_is_named(place: int, text: str, says: str) -> None:
    with pytest.raises(ArchitectureFormatError) as caught:
        decode_blocks([*PLAIN[:place], text, *PLAIN[place + 1 :]])
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ([], "got 0"),
        (PLAIN[:10], "layer 21 is fixed"),
        ([*PLAIN[:5], *PLAIN[9:]], "layer 5 starts a stage"),
        ([*PLAIN[:3], "skip", *PLAIN[5:]], "with 'skip' among them there must be 22 blocks; got 21"),
        ([*PLAIN[:-1], PLAIN[-2], PLAIN[-1]], "there is no layer for it"),
        (PLAIN[:1] + PLAIN[-1:], "layer 1 starts a stage with s22, i16, o24; it is missing"),
    ],
)
def test_wrong_lists_of_blocks(texts: list[str], says: str) -> None:
    with pytest.raises(ArchitectureFormatError) as caught:
        decode_blocks(texts)
    assert says in str(caught.value)
