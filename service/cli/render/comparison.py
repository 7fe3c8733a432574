"""Groups of studies as a table."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from service.cli.curves import Comparison, Group
from service.cli.render.numbers import NONE
from service.cli.render.table import PlainTable
from service.domain.targets import each_target, targets_text

_BARS = "▁▂▃▄▅▆▇█"


def comparison_table(comparison: Comparison) -> PlainTable:
    """One group a row: mean best reward, and its spread, after a growing number of epochs."""
    marks = sorted({point.spent_epochs for group in comparison.groups for point in group.points})
    shown = sorted({marks[round(part * (len(marks) - 1) / 3)] for part in range(4)}) if marks else []
    headers = [f"{mark} epochs" for mark in shown]
    table = PlainTable(
        "solver", "target ms", "studies", "curve", *headers,
        numeric=("target ms", "studies", "curve", *headers),
        optional=("curve", *headers[:-1]),
    )  # fmt: skip
    span = _span(comparison)
    for group in comparison.groups:
        values = {point.spent_epochs: point for point in group.points}
        cells = []
        for mark in shown:
            point = values.get(mark)
            spread = "" if point is None or point.spread is None else f" ±{point.spread:.4f}"
            cells.append(NONE if point is None else f"{point.mean:.4f}{spread}")
        table.add_row(
            group.solver,
            targets_text(each_target(group.target_runtime_ms)),
            str(len(group.study_ids)),
            _sparkline(group, marks, span),
            *cells,
        )
    return table


def _span(comparison: Comparison) -> tuple[float, float]:
    means = [point.mean for group in comparison.groups for point in group.points]
    return (min(means), max(means)) if means else (0.0, 0.0)


def _sparkline(group: Group, marks: list[int], span: tuple[float, float]) -> str:
    low, high = span
    means = {point.spent_epochs: point.mean for point in group.points}
    bars = []
    for mark in marks:
        mean = means.get(mark)
        share = 1.0 if mean is None or high == low else (mean - low) / (high - low)
        bars.append(" " if mean is None else _BARS[round(share * (len(_BARS) - 1))])
    return "".join(bars)


_DECISIVE: Mapping[str, Callable[[Group], object]] = MappingProxyType(
    {
        "targets": lambda group: each_target(group.target_runtime_ms)[0],
        "platforms": lambda group: group.platform,
        "data sets": lambda group: group.dataset,
    }
)


def differences(comparison: Comparison) -> Iterator[str]:
    """Warnings: what makes the rewards of two groups no measure of the same thing."""
    for words, value_of in _DECISIVE.items():
        values = sorted({str(value_of(group)) for group in comparison.groups})
        if len(values) > 1:
            shown = ", ".join(values)
            yield f"the studies have different {words} ({shown}): their rewards are not comparable"
