"""Gates of a search over its epochs: how each layer's choices were made."""

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from nas_worker.job import EpochReport
from nas_worker.space import GATES, SEARCHABLE, is_skippable
from service.figures.style import BLUE, VERMILLION, new_figure, short

_SCALE = [[0, VERMILLION], [0.5, "#d7d9dc"], [1, BLUE]]

_MEANINGS = {
    "k5": "5x5 kernel",
    "e3": "layer is used",
    "e6": "expansion 6",
    "se25": "squeeze-and-excitation",
    "se50": "SE ratio 0.5",
}
"""What an open gate means."""


def figure(reports: Sequence[EpochReport]) -> go.Figure:
    """A panel for each gate, with a row for each searchable layer and a column for each epoch.

    Args:
        reports: Of one trial, in order. Epochs without margins are left blank, and so is e3 where a layer
            cannot be skipped.
    """
    chart = make_subplots(
        rows=1,
        cols=len(GATES),
        shared_yaxes=True,
        horizontal_spacing=0.015,
        subplot_titles=GATES,
        figure=new_figure("Gates of the search"),
    )
    epochs = [report.epoch for report in reports]
    for place, gate in enumerate(GATES):
        rows = [
            [_margin(report, layer, place) for report in reports]
            if _decides(gate, layer)
            else [None] * len(reports)
            for layer in SEARCHABLE
        ]
        chart.add_trace(
            go.Heatmap(
                x=epochs,
                y=list(SEARCHABLE),
                z=rows,
                name=gate,
                coloraxis="coloraxis",
                hoverongaps=False,
                hovertemplate=f"{_MEANINGS[gate]}: %{{z}}<br>layer %{{y}}, epoch %{{x}}<extra></extra>",
                xgap=1,
                ygap=1,
            ),
            row=1,
            col=place + 1,
        )
    chart.update_xaxes(dtick=max(1, len(epochs) // 4), showgrid=False)
    chart.update_xaxes(title_text="epoch", row=1, col=1 + len(GATES) // 2)
    chart.update_yaxes(autorange="reversed", dtick=1, showgrid=False)
    chart.update_yaxes(title_text="layer", row=1, col=1)
    chart.update_layout(coloraxis=_color_axis(reports), height=520)
    return chart


def _decides(gate: str, layer: int) -> bool:
    return gate != "e3" or is_skippable(layer)


def _margin(report: EpochReport, layer: int, place: int) -> float | None:
    margins = report.gate_margins
    return None if margins is None else short(margins[layer - SEARCHABLE.start][place], 3)


def _color_axis(reports: Sequence[EpochReport]) -> dict[str, object]:
    """Symmetric around 0, where a gate is neither open nor shut."""
    found = [abs(margin) for report in reports for row in report.gate_margins or () for margin in row]
    bound = max(found, default=0) or 1
    return {
        "colorscale": _SCALE,
        "cmin": -bound,
        "cmax": bound,
        "colorbar": {
            "thickness": 12,
            "outlinewidth": 0,
            "tickvals": [-bound, 0, bound],
            "ticktext": ["shut", "0", "open"],
        },
    }
