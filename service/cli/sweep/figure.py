"""The heatmaps of a sweep as one Plotly figure, a row per target."""

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from service.cli.render.numbers import lambda_text
from service.cli.sweep.analysis import TargetReport
from service.figures.style import SCALE, TEMPLATE

_ROW_PIXELS = 340


def figure(reports: Sequence[TargetReport]) -> go.Figure:
    """Mean reward at each (lambda, epochs), lambda evenly spaced in the order of the grid."""
    chart = make_subplots(
        rows=len(reports),
        cols=1,
        subplot_titles=[f"target {report.target_runtime_ms:g} ms" for report in reports],
        vertical_spacing=0.18 / len(reports),
    )
    for row, report in enumerate(reports, start=1):
        chart.add_trace(_heatmap(report), row=row, col=1)
        chart.update_xaxes(title_text="λ" if row == len(reports) else "", type="category", row=row, col=1)
        chart.update_yaxes(title_text="epochs", type="category", row=row, col=1)
    chart.update_layout(
        template=TEMPLATE,
        title_text="Reward over λ and epochs (Fig. 9, right)",
        height=120 + _ROW_PIXELS * len(reports),
        paper_bgcolor="white",
        coloraxis={"colorscale": SCALE, "colorbar": {"title": {"text": "reward"}, "thickness": 12}},
    )
    return chart


def _heatmap(report: TargetReport) -> go.Heatmap:
    lambdas = sorted({cell.lambda_ for cell in report.cells})
    epochs = sorted({cell.epochs for cell in report.cells})
    cells = {(cell.epochs, cell.lambda_): cell for cell in report.cells}
    rows = [[cells[fidelity, lambda_] for lambda_ in lambdas] for fidelity in epochs]
    return go.Heatmap(
        x=[lambda_text(lambda_) for lambda_ in lambdas],
        y=[str(fidelity) for fidelity in epochs],
        z=[[cell.reward for cell in row] for row in rows],
        customdata=[[(cell.accuracy, cell.runtime_ms, cell.completed) for cell in row] for row in rows],
        coloraxis="coloraxis",
        hoverongaps=False,
        hovertemplate="λ %{x}, %{y} epochs<br>reward %{z:.4f}<br>accuracy %{customdata[0]:.4f}, "
        "%{customdata[1]:.1f} ms<br>%{customdata[2]} searches<extra></extra>",
        xgap=1,
        ygap=1,
    )
