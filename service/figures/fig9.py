"""Fig. 9: progress of solvers (left), and the reward over lambda and epochs (right)."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from service.figures.style import CYCLE, SCALE, TEMPLATE, lambda_axis, shorts

Array = NDArray[np.float64]


def figure(curves: Mapping[str, Array], grid: tuple[list[float], list[int], Array], title: str) -> go.Figure:
    """Both halves side by side.

    Args:
        curves: Best rewards of a solver's runs after 0, 1, ... epochs, shape (runs, epochs), or NaN.
        grid: Lambdas, epochs and rewards, of shape (epochs, lambdas), NaN where there is none.
        title: Of the whole.
    """
    chart = make_subplots(1, 2, subplot_titles=("Progress of solvers", "Reward by grid search"))
    for index, (tuner, runs) in enumerate(curves.items()):
        color = CYCLE[index % len(CYCLE)]
        everywhere = ~np.isnan(runs).any(axis=0)
        x = np.flatnonzero(everywhere)
        mean, spread = runs[:, everywhere].mean(axis=0), runs[:, everywhere].std(axis=0)
        chart.add_scatter(
            x=[*x, *x[::-1]],
            y=shorts([*(mean + spread), *(mean - spread)[::-1]]),
            fill="toself",
            fillcolor=color,
            opacity=0.15,
            line={"width": 0},
            mode="lines",
            showlegend=False,
            hoverinfo="skip",
        )
        chart.add_scatter(x=x, y=shorts(list(mean)), name=tuner, mode="lines", line={"color": color})
    lambdas, epochs, rewards = grid
    chart.add_heatmap(x=lambdas, y=epochs, z=rewards, colorscale=SCALE, col=2, row=1)
    chart.update_layout(template=TEMPLATE, title=title, width=1100, legend={"y": 1.1}, margin={"t": 120})
    chart.update_xaxes(title_text="epochs spent", col=1)
    chart.update_yaxes(title_text="best reward", col=1)
    chart.update_xaxes(**lambda_axis(lambdas[0], lambdas[-1]), col=2)
    chart.update_yaxes(title_text="epochs", col=2)
    return chart
