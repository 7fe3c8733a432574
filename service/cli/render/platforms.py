"""Platforms as tables."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.text import Text

from nas_worker.platform import COLUMNS, Platform
from nas_worker.space import SEARCHABLE
from service.api.schemas import PlatformInfo
from service.cli.render.table import PlainTable, fields


def platform_table(platforms: Iterable[PlatformInfo]) -> PlainTable:
    """One platform a row, with the runtimes that a ConvNet can have on it."""
    table = PlainTable(
        "name", "lowest ms", "highest ms", "source", numeric=("name", "lowest ms", "highest ms")
    )
    for platform in platforms:
        table.add_row(
            platform.name, f"{platform.min_runtime_ms:.1f}", f"{platform.max_runtime_ms:.1f}", platform.source
        )
    return table


def platform_details(platform: Platform) -> RenderableType:
    """The latency table; ``+SE`` columns hold the factor of a layer with squeeze-and-excitation (Eq. 14)."""
    se_headers = tuple(f"{column} +SE" for column in COLUMNS)
    headers = ("layer", *COLUMNS, *se_headers)
    table = PlainTable(
        *headers, numeric=headers, optional=se_headers[::-1], title="ms without SE, factor with SE"
    )
    for layer in SEARCHABLE:
        table.add_row(
            str(layer),
            *(f"{value:.2f}" for value in platform.layers[layer]),
            *(f"x{value:.2f}" for value in platform.se_factors[layer]),
        )
    about = fields(
        platform=platform.name,
        source=platform.source,
        base=f"{platform.base_ms:g} ms  {platform.base_note}".rstrip(),
        reachable=f"{platform.min_ms:.1f} to {platform.max_ms:.1f} ms",
        SE_factors=platform.se_source,
    )
    return Group(about, Text(), table)
