"""Measured runtimes of random ConvNets against those of a platform's table (Fig. 4, left)."""

import plotly.graph_objects as go

from nas_worker.profiling.accuracy import LatencyModelAccuracy
from service.figures.style import BLUE, GREY, new_figure, padded, shorts


def figure(accuracy: LatencyModelAccuracy, platform: str) -> go.Figure:
    """A dot per ConvNet; on the line the model is right."""
    measured = [each.measured_ms for each in accuracy.convnets]
    modelled = [each.modelled_ms for each in accuracy.convnets]
    room = padded([*measured, *modelled])
    chart = new_figure(
        f"Latency model on {platform}",
        f"{len(measured)} random ConvNets: RMSE {accuracy.rmse_ms:.3g} ms "
        f"({100 * accuracy.relative_rmse:.2f} % of the mean), mean error {100 * accuracy.mean_error:.2f} %",
    )
    chart.add_trace(
        go.Scatter(
            x=room,
            y=room,
            mode="lines",
            name="model = measured",
            line={"color": GREY, "dash": "dash", "width": 1.5},
            hoverinfo="skip",
        )
    )
    chart.add_trace(
        go.Scatter(
            x=shorts(measured, 5),
            y=shorts(modelled, 5),
            mode="markers",
            name="ConvNet",
            marker={"color": BLUE, "size": 8, "opacity": 0.8},
            hovertemplate="measured %{x:.2f} ms<br>model %{y:.2f} ms<extra></extra>",
        )
    )
    chart.update_xaxes(title_text="measured runtime (ms)", range=room)
    chart.update_yaxes(title_text="runtime by the table (ms)", range=room)
    return chart
