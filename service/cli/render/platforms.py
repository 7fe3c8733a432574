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
    """The latency table; the second number is the factor of a layer with squeeze-and-excitation (Eq. 14)."""
    headers = ("layer", *COLUMNS)
    table = PlainTable(*headers, numeric=headers, title="ms without SE, and the factor with it")
    for layer in SEARCHABLE:
        costs = zip(platform.layers[layer], platform.se_factors[layer], strict=True)
        table.add_row(str(layer), *(f"{runtime_ms:.2f} x{factor:.2f}" for runtime_ms, factor in costs))
    about = fields(
        platform=platform.name,
        source=platform.source,
        base=f"{platform.base_ms:g} ms  {platform.base_note}".rstrip(),
        reachable=f"{platform.min_ms:.1f} to {platform.max_ms:.1f} ms",
        SE_factors=platform.se_source,
    )
    return Group(about, Text(), table)
