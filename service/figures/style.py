"""What all figures share: a colour-blind-safe palette, a template and short numbers."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#b5649a",
    "#c98a00",
    "#3f9fd6",
)
"""Okabe and Ito's palette, its light colours darkened so that they show on white as on black."""

CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
GREY = "#7a7f87"
SCALE = "Viridis"

_GRID = "rgba(128, 134, 145, 0.22)"
_AXIS = {"gridcolor": _GRID, "linecolor": GREY, "zeroline": False, "automargin": True, "ticks": ""}

TEMPLATE = go.layout.Template(
    layout={
        "colorway": CYCLE,
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": GREY},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": _AXIS,
        "yaxis": _AXIS,
        "hoverlabel": {"font": {"family": "system-ui, sans-serif"}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "itemsizing": "constant"},
        "height": 420,
        "margin": {"l": 56, "r": 16, "t": 78, "b": 48},
    }
)
"""No background and mid-grey text: readable on white and on black. A page sets its own text colour."""


def new_figure(title: str, note: str = "") -> go.Figure:
    """An empty figure.

    Args:
        title: What it shows. Pages that have a heading of their own drop it.
        note: What a reader must know to read it rightly, such as that dots were merged. It is the subtitle,
            and ``layout.meta.note`` for pages.
    """
    subtitle = {"text": note} if note else None
    return go.Figure(
        layout={
            "template": TEMPLATE,
            "title": {
                "text": title,
                "subtitle": subtitle,
                "font": {"size": 16},
                "x": 0.01,
                "y": 1,
                "yref": "container",
                "yanchor": "top",
                "pad": {"t": 8},
            },
            "meta": {"note": note},
            "margin": {"t": 100 if note else 78},
        }
    )


def short(value: float, digits: int = 4) -> float:
    """A number rounded to significant digits, so that the figure's JSON stays small."""
    if value == 0 or not math.isfinite(value):
        return value
    rounded = round(value, digits - 1 - math.floor(math.log10(abs(value))))
    return int(rounded) if rounded == int(rounded) else rounded


def shorts(values: Sequence[float], digits: int = 4) -> list[float]:
    """Each number rounded to significant digits."""
    return [short(value, digits) for value in values]


def reward_title(targets_ms: Sequence[float]) -> str:
    """What an axis of rewards shows; of several targets, the one that the rewards are for."""
    return "reward" if len(targets_ms) == 1 else f"reward for {targets_ms[0]:g} ms"


def padded(values: Sequence[float]) -> list[float]:
    """A range around all values, of which there is at least one."""
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
    return shorts([low - room, high + room])


def log_ticks(low: float, high: float) -> list[float]:
    """Values 1, 2 and 5 of each decade within a positive range, to label a log axis with plain numbers."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [short(step * 10.0**decade) for decade in decades for step in (1, 2, 5)]
    return [value for value in values if low / 1.001 <= value <= high * 1.001]


def lambda_axis(low: float, high: float) -> dict[str, object]:
    """Settings of a log axis of lambda over a positive range, with a little room at both ends."""
    room = (high / low) ** 0.03
    ticks = log_ticks(low, high)
    if len(ticks) > 9:
        ticks = [tick for tick in ticks if f"{tick:e}".startswith("1")]
    return {
        "type": "log",
        "title": {"text": "λ (log scale)"},
        "range": shorts([math.log10(low / room), math.log10(high * room)]),
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
    }
