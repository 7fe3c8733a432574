"""Dots for completed trials; in a big study close ones are merged, and the figure says so."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from service.figures.style import short, shorts
from service.figures.trials import Kind, Outcome

MAX_DOTS = 300
"""A trace with more dots than this is merged."""

_GRID = (22, 12)
"""Cells across and up in which dots are merged."""


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


def dots(
    kind: Kind,
    xs: Sequence[float],
    ys: Sequence[float],
    *,
    log_x: bool = False,
    show_legend: bool = True,
) -> go.Scatter:
    """A trace with a dot for each completed trial of a kind.

    Its ``meta`` is "trials" where a dot is a trial, with the trial's number first in ``customdata``, and
    "merged" where it is several.

    Args:
        kind: The trials, and how they look.
        xs: Position of each across.
        ys: Position of each up.
        log_x: The x axis has a log scale.
        show_legend: False where another trace of the figure stands for the kind in the legend.
    """
    common = {
        "mode": "markers",
        "name": kind.label,
        "legendgroup": kind.label,
        "showlegend": show_legend,
    }
    if len(kind.outcomes) <= MAX_DOTS:
        trials = [outcome.trial for outcome in kind.outcomes]
        return go.Scatter(
            x=shorts(xs),
            y=shorts(ys),
            meta="trials",
            customdata=[[trial.number, short(trial.lambda_, 3), trial.epochs] for trial in trials],
            marker={"color": kind.color, "symbol": kind.symbol, "size": 8, "opacity": 0.85},
            hovertemplate=(
                "trial %{customdata[0]}: %{y}<br>λ %{customdata[1]}, %{customdata[2]} epochs<extra></extra>"
            ),
            **common,
        )
    merged = merge(xs, ys, log_x=log_x)
    largest = max(merged.counts)
    return go.Scatter(
        x=shorts(merged.xs, 3),
        y=shorts(merged.ys, 3),
        meta="merged",
        customdata=merged.counts,
        marker={
            "color": kind.color,
            "symbol": kind.symbol.removesuffix("-open"),
            "size": [round(4 + 12 * math.sqrt(count / largest)) for count in merged.counts],
            "opacity": 0.45,
        },
        hovertemplate="%{customdata} trials around %{y}<extra></extra>",
        **common,
    )


def note(*traces: go.Scatter) -> str:
    """What a reader must know about merged traces; empty when each dot is a trial."""
    counts = [count for trace in traces if trace.meta == "merged" for count in trace.customdata]
    if not counts:
        return ""
    return f"{sum(counts):,} trials merged into {len(counts)} dots; a dot's area grows with its trials"


def best_star(outcome: Outcome, x: float, y: float, *, show_legend: bool = True) -> go.Scatter:
    """The recommended trial, marked over the dots."""
    trial = outcome.trial
    return go.Scatter(
        x=[short(x)],
        y=[short(y)],
        mode="markers",
        name="recommended",
        legendgroup="recommended",
        showlegend=show_legend,
        meta="trials",
        customdata=[[trial.number, short(trial.lambda_, 3), trial.epochs]],
        marker={"symbol": "star", "size": 15, "color": "#e69f00", "line": {"width": 1, "color": "#5c4000"}},
        hovertemplate="recommended: trial %{customdata[0]}, λ %{customdata[1]}<extra></extra>",
    )
