"""Dots for completed trials; in a big study close ones are merged, and the figure says so."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from service.figures.style import short, shorts
from service.figures.trials import Kind, Outcome

MAX_DOTS = 200
"""More trials than this in one panel are merged: as many as the default budget can buy are still shown."""

_GRID = (20, 11)
"""Cells across and up in which dots are merged."""

_LARGEST_PX = 16


@dataclass(frozen=True, slots=True)
class Merged:
    """Dots merged per cell of a grid: their mean position and how many they were."""

    xs: list[float]
    ys: list[float]
    counts: list[int]


def merge(xs: Sequence[float], ys: Sequence[float], *, log_x: bool = False) -> Merged:
    """Merges dots that share a cell of a grid over their range.

    Args:
        xs: Positions across; positive where ``log_x``.
        ys: Positions up, as many.
        log_x: Cells are even on a log scale of x, and means geometric.
    """
    scaled = [math.log10(x) for x in xs] if log_x else list(xs)
    cells: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
    columns = _cells(scaled, _GRID[0])
    rows = _cells(ys, _GRID[1])
    for column, row, x, y in zip(columns, rows, scaled, ys, strict=True):
        cells[column, row].append((x, y))
    mean_xs = [sum(x for x, _ in dots) / len(dots) for dots in cells.values()]
    return Merged(
        xs=[10**x for x in mean_xs] if log_x else mean_xs,
        ys=[sum(y for _, y in dots) / len(dots) for dots in cells.values()],
        counts=[len(dots) for dots in cells.values()],
    )


def _cells(values: Sequence[float], cells: int) -> list[int]:
    low, high = min(values), max(values)
    width = (high - low) / cells
    return [min(cells - 1, int((value - low) / width)) if width else 0 for value in values]


Value = Callable[[Outcome], float]
"""Where a trial lies on an axis."""


def dots(
    kinds: Sequence[Kind], x: Value, y: Value, *, log_x: bool = False, show_legend: bool = True
) -> list[go.Scatter]:
    """A trace for each kind, with a dot for each of its trials.

    The ``meta`` of a trace is "trials" where a dot is a trial, with the trial's number first in
    ``customdata``, and "merged" where it is several. What must not be lost in a merged dot, a figure draws
    over it: :func:`landmarks`, :func:`best_star`.

    Args:
        kinds: The trials, and how they look.
        x: Position across.
        y: Position up.
        log_x: The x axis has a log scale.
        show_legend: False where another panel of the figure stands for the kinds in the legend.
    """
    are_merged = sum(len(kind.outcomes) for kind in kinds) > MAX_DOTS
    traces = []
    for kind in kinds:
        xs, ys = [x(each) for each in kind.outcomes], [y(each) for each in kind.outcomes]
        trace = _merged(kind, merge(xs, ys, log_x=log_x)) if are_merged else _single(kind, xs, ys)
        traces.append(trace.update(name=kind.label, legendgroup=kind.label, showlegend=show_legend))
    return traces


def _single(kind: Kind, xs: Sequence[float], ys: Sequence[float]) -> go.Scatter:
    return go.Scatter(
        x=shorts(xs),
        y=shorts(ys),
        mode="markers",
        meta="trials",
        customdata=_customdata(kind.outcomes),
        marker={"color": kind.color, "symbol": kind.symbol, "size": 8, "opacity": 0.85},
        hovertemplate=_HOVER,
    )


_HOVER = "trial %{customdata[0]}: %{y}<br>λ %{customdata[1]}, %{customdata[2]} epochs<extra></extra>"


def _customdata(found: Sequence[Outcome]) -> list[list[float]]:
    return [[each.trial.number, short(each.trial.lambda_, 3), each.trial.epochs] for each in found]


def _merged(kind: Kind, merged: Merged) -> go.Scatter:
    return go.Scatter(
        x=shorts(merged.xs, 3),
        y=shorts(merged.ys, 3),
        mode="markers",
        meta="merged",
        marker={
            "color": kind.color,
            "symbol": kind.symbol.removesuffix("-open"),
            "size": merged.counts,
            "sizemode": "area",
            "sizeref": 2 * max(merged.counts) / _LARGEST_PX**2,
            "sizemin": 2,
            "line": {"width": 0},
            "opacity": 0.45,
        },
        hovertemplate="%{marker.size} trials around %{y}<extra></extra>",
    )


def landmarks(found: Sequence[Outcome], x: Value, y: Value, label: str, color: str) -> go.Scatter:
    """Trials that stand out, each with a dot of its own, over dots that may be merged."""
    return go.Scatter(
        x=shorts([x(each) for each in found]),
        y=shorts([y(each) for each in found]),
        mode="markers",
        name=label,
        legendgroup=label,
        showlegend=False,
        meta="trials",
        customdata=_customdata(found),
        marker={"color": color, "size": 7},
        hovertemplate=f"{label}, {_HOVER}",
    )


def note(traces: Sequence[go.Scatter]) -> str:
    """What a reader must know about merged traces; empty when each dot is a trial."""
    counts = [count for trace in traces if trace.meta == "merged" for count in trace.marker.size]
    if not counts:
        return ""
    return (
        f"{sum(counts):,} trials merged into {len(counts)} dots, whose area grows with their trials; "
        "green dots are single trials"
    )


def best_star(outcome: Outcome, x: float, y: float, *, show_legend: bool = True) -> go.Scatter:
    """The recommended trial, marked over the dots."""
    return go.Scatter(
        x=[short(x)],
        y=[short(y)],
        mode="markers",
        name="recommended",
        legendgroup="recommended",
        showlegend=show_legend,
        meta="trials",
        customdata=_customdata([outcome]),
        marker={"symbol": "star", "size": 15, "color": "#e69f00", "line": {"width": 1, "color": "#5c4000"}},
        hovertemplate="recommended: trial %{customdata[0]}, λ %{customdata[1]}<extra></extra>",
    )
