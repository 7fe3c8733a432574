"""Architectures as the block strings of MnasNet, such as ``r1_k5_s22_e6_i16_o24_se0.25``.

``r`` is how often the block stands, ``k`` the kernel, ``s`` the stride down and across, ``e`` the expansion,
``i`` and ``o`` the channels at width 1, ``se`` the SE ratio; ``noskip`` says that there is no residual. They
describe the full-size network; a width multiplier is the reader's.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from nas_worker.errors import ArchitectureFormatError
from nas_worker.space import (
    FIXED_FIRST,
    FIXED_FIRST_TYPE,
    FIXED_LAST,
    FIXED_LAST_TYPE,
    FULL_SIZE,
    LAYERS_PER_STAGE,
    MBCONV_TYPES,
    N_SEARCHABLE,
    SE_RATIOS,
    SKIP,
    Architecture,
    LayerGeometry,
    LayerType,
)

_SKIPPED = "skip"
_TOKEN = re.compile(r"(se|[rkeio])(\d+(?:\.\d+)?)|(s)(\d)(\d)|(noskip)")
_REQUIRED = frozenset("rkseio")


@dataclass(frozen=True, slots=True)
class _Block:
    """One layer as a block string has it; ``text`` and ``place`` (from 1) are for messages."""

    kernel: int
    expansion: int
    se: float
    in_channels: int
    out_channels: int
    stride: int
    text: str
    place: int

    def error(self, problem: str) -> ArchitectureFormatError:
        return ArchitectureFormatError(f"block {self.place}, {self.text!r}: {problem}")


def encode_blocks(architecture: Architecture) -> tuple[str, ...]:
    """One string for each of the 22 MBConv layers, with ``skip`` for a layer that is left out.

    ``se`` is this project's ratio, of the expanded channels. ``decode_blocks`` gives the same architecture.
    """
    return tuple(
        _SKIPPED if layer_type.is_skip else _encoded(geometry, layer_type, layer_type.se_ratio)
        for geometry, layer_type in zip(FULL_SIZE.layers, _all_types(architecture), strict=True)
    )


def encode_mnasnet_blocks(architecture: Architecture) -> tuple[str, ...]:
    """The strings that MnasNet's own builder makes the same network from.

    It knows no skipped layers, so they are left out, and it takes ``se`` as a share of the input channels, so
    a ratio is multiplied by the expansion. ``decode_blocks`` gives an architecture of the same network, with
    the skipped layers at the end of their stage.
    """
    return tuple(
        _encoded(geometry, layer_type, layer_type.se_ratio * layer_type.expansion)
        for geometry, layer_type in zip(FULL_SIZE.layers, _all_types(architecture), strict=True)
        if not layer_type.is_skip
    )


def decode_blocks(texts: Sequence[str]) -> Architecture:
    """The architecture that block strings of either form describe.

    Args:
        texts: Block strings in the order of the layers, the fixed first and last ones included. Where one is
            ``skip`` all 22 layers must be there; else a stage of fewer than four layers ends in skipped ones.

    Raises:
        ArchitectureFormatError: A text is no block string, or the blocks are no network of the search space.
    """
    entries = list(_entries(texts))
    if None in entries and len(entries) != len(FULL_SIZE.layers):
        raise ArchitectureFormatError(
            f"with {_SKIPPED!r} among them there must be {len(FULL_SIZE.layers)} blocks; got {len(entries)}"
        )
    if len(entries) < 2:
        raise ArchitectureFormatError(f"expected at least 7 blocks, one a line; got {len(entries)}")
    first, *searchable, last = entries
    _check_fixed(first, FULL_SIZE.layers[FIXED_FIRST], FIXED_FIRST_TYPE)
    _check_fixed(last, FULL_SIZE.layers[FIXED_LAST], FIXED_LAST_TYPE)
    return _architecture(searchable)


def _all_types(architecture: Architecture) -> tuple[LayerType, ...]:
    return (FIXED_FIRST_TYPE, *architecture.layers, FIXED_LAST_TYPE)


def _encoded(geometry: LayerGeometry, layer_type: LayerType, se: float) -> str:
    parts = [
        "r1",
        f"k{layer_type.kernel}",
        f"s{geometry.stride}{geometry.stride}",
        f"e{layer_type.expansion}",
        f"i{geometry.in_channels}",
        f"o{geometry.out_channels}",
    ]
    if se:
        parts.append(f"se{se:g}")
    if geometry.index in (FIXED_FIRST, FIXED_LAST):
        parts.append("noskip")
    return "_".join(parts)


def _entries(texts: Iterable[str]) -> Iterator[_Block | None]:
    """A block for each layer, None for a skipped one."""
    for place, text in enumerate(texts, start=1):
        if text == _SKIPPED:
            yield None
        else:
            yield from _repeated(text, place)


def _repeated(text: str, place: int) -> Iterator[_Block]:
    options = _options(text, place)
    block = _Block(
        kernel=int(options["k"]),
        expansion=int(options["e"]),
        se=float(options.get("se", 0)),
        in_channels=int(options["i"]),
        out_channels=int(options["o"]),
        stride=int(options["s"]),
        text=text,
        place=place,
    )
    repeats = int(options["r"])
    if not 1 <= repeats <= LAYERS_PER_STAGE:
        raise block.error(f"r is {repeats}; expected 1 to {LAYERS_PER_STAGE}")
    yield block
    for _ in range(repeats - 1):
        yield replace(block, in_channels=block.out_channels, stride=1)


def _options(text: str, place: int) -> dict[str, str]:
    options: dict[str, str] = {}
    for token in text.split("_"):
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise ArchitectureFormatError(
                f"block {place}, {text!r}: {token!r} is not understood; "
                "expected a form such as r1_k5_s22_e6_i16_o24_se0.25"
            )
        name, value, stride, down, across, flag = match.groups()
        key = name or stride or flag
        if key in options:
            raise ArchitectureFormatError(f"block {place}, {text!r}: {key} stands twice")
        if stride and down != across:
            raise ArchitectureFormatError(f"block {place}, {text!r}: the two strides differ")
        options[key] = value or down or ""
    missing = sorted(_REQUIRED - options.keys())
    if missing:
        raise ArchitectureFormatError(f"block {place}, {text!r}: {', '.join(missing)} missing")
    fractional = [key for key in "rkeio" if "." in options[key]]
    if fractional:
        raise ArchitectureFormatError(f"block {place}, {text!r}: {fractional[0]} must be a whole number")
    return options


def _check_fixed(block: _Block | None, geometry: LayerGeometry, layer_type: LayerType) -> None:
    expected = _encoded(geometry, layer_type, layer_type.se_ratio)
    if block is None:
        raise ArchitectureFormatError(f"layer {geometry.index} cannot be skipped; expected {expected}")
    found = LayerType(block.kernel, block.expansion, block.se)
    if found != layer_type or not _fits(block, geometry):
        raise block.error(f"layer {geometry.index} is fixed; expected {expected}")


def _architecture(entries: Sequence[_Block | None]) -> Architecture:
    types: list[LayerType] = []
    place = 0
    for layer, geometry in enumerate(FULL_SIZE.layers[FIXED_FIRST + 1 : FIXED_LAST], start=1):
        entry = entries[place] if place < len(entries) else None
        starts_stage = (layer - 1) % LAYERS_PER_STAGE == 0
        if place < len(entries) and entry is None:
            types.append(SKIP)
            place += 1
        elif entry is not None and _fits(entry, geometry):
            types.append(_layer_type(entry))
            place += 1
        elif starts_stage:
            expected = (
                f"s{geometry.stride}{geometry.stride}, i{geometry.in_channels}, o{geometry.out_channels}"
            )
            message = f"layer {layer} starts a stage with {expected}"
            raise entry.error(message) if entry else ArchitectureFormatError(f"{message}; it is missing")
        else:
            types.append(SKIP)
    if place < len(entries):
        left_over = entries[place]
        assert left_over is not None
        raise left_over.error(f"there is no layer for it; stages have at most {LAYERS_PER_STAGE} layers")
    assert len(types) == N_SEARCHABLE
    try:
        return Architecture(tuple(types))
    except ValueError as error:
        raise ArchitectureFormatError(str(error)) from None


def _fits(block: _Block, geometry: LayerGeometry) -> bool:
    return (block.in_channels, block.out_channels, block.stride) == (
        geometry.in_channels,
        geometry.out_channels,
        geometry.stride,
    )


def _layer_type(block: _Block) -> LayerType:
    # Of the expanded channels a ratio is at most 0.5, of the input channels at least 0.75: no text is both.
    for se_ratio in SE_RATIOS:
        layer_type = LayerType(block.kernel, block.expansion, se_ratio)
        if layer_type in MBCONV_TYPES and block.se in (se_ratio, se_ratio * block.expansion):
            return layer_type
    raise block.error("no layer type has these k, e and se; expected k 3 or 5, e 3 or 6, se 0.25 or 0.5")
