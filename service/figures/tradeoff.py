"""Lambda against runtime and against accuracy: what the trade-off buys."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from service.domain.advice import Outlook
from service.domain.records import StudyRecord, TrialSummary
from service.domain.spec import LambdaRange
from service.figures.dots import best_star, dots, landmarks, note
from service.figures.style import GREEN, GREY, VERMILLION, lambda_axis, new_figure, padded, short, shorts
from service.figures.trials import Outcome, frontier_of, kinds, outcomes, recommended, unfinished
from solver.base import Forecast, Interval, Suggestion

_BAND = "rgba(128, 134, 145, 0.2)"


def figure(study: StudyRecord, trials: Sequence[TrialSummary], outlook: Outlook | None = None) -> go.Figure:
    """Runtime (above, with the targets) and accuracy (below) of each completed trial against its lambda.

    Short ticks along the lower edge are trials that are queued or running.

    Args:
        study: The study.
        trials: All of its trials.
        outlook: Of its solver, drawn as a band with its mean and a line at the next search.
    """
    found = outcomes(trials)
    parts = kinds(study, found)
    runtimes = dots(parts, _lambda, _runtime, log_x=True)
    accuracies = dots(parts, _lambda, _accuracy, log_x=True, show_legend=False)
    chart = new_figure("Runtime and accuracy against λ", note(runtimes))
    chart = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06, figure=chart)
    if outlook is not None and outlook.forecast is not None:
        _add_forecast(chart, outlook.forecast)
    front = frontier_of(study, found)
    for row, (traces, value) in enumerate(((runtimes, _runtime), (accuracies, _accuracy)), start=1):
        chart.add_traces(traces, rows=row, cols=1)
        chart.add_trace(landmarks(front, _lambda, value, "frontier", GREEN), row=row, col=1)
        for place, best in enumerate(recommended(study)):
            star = best_star(best, best.trial.lambda_, value(best), show_legend=row == 1 and place == 0)
            chart.add_trace(star, row=row, col=1)
    _mark_unfinished(chart, trials)
    if outlook is not None and outlook.next_search is not None:
        _mark_next(chart, outlook.next_search, study.spec.lambda_range)
    _mark_targets(chart, study.spec.targets_ms)
    _set_axes(chart, study, found)
    return chart


def _lambda(outcome: Outcome) -> float:
    return outcome.trial.lambda_


def _runtime(outcome: Outcome) -> float:
    return outcome.runtime_ms


def _accuracy(outcome: Outcome) -> float:
    return outcome.accuracy


def _mark_targets(chart: go.Figure, targets_ms: Sequence[float]) -> None:
    for target in targets_ms:
        chart.add_hline(target, line={"color": VERMILLION, "dash": "dash", "width": 1.5}, row=1, col=1)
        chart.add_annotation(
            x=1,
            xref="x domain",
            y=target,
            yref="y",
            text=f"target {target:g} ms",
            showarrow=False,
            xanchor="right",
            yanchor="bottom",
        )


def _set_axes(chart: go.Figure, study: StudyRecord, found: Sequence[Outcome]) -> None:
    span = study.spec.lambda_range
    chart.update_xaxes(**lambda_axis(span.low, span.high))
    chart.update_xaxes(title_text="", row=1, col=1)
    chart.update_yaxes(title_text="runtime (ms)", row=1, col=1)
    chart.update_yaxes(title_text="accuracy", row=2, col=1)
    if found:
        runtimes = [*study.spec.targets_ms, *(each.runtime_ms for each in found)]
        chart.update_yaxes(range=padded(runtimes), row=1, col=1)
        chart.update_yaxes(range=padded([each.accuracy for each in found]), row=2, col=1)
    chart.update_layout(height=560)


def _add_forecast(chart: go.Figure, forecast: Forecast) -> None:
    for row, intervals in enumerate((forecast.runtimes_ms, forecast.accuracies), start=1):
        chart.add_traces(_band(forecast.lambdas, intervals, show_legend=row == 1), rows=row, cols=1)


def _band(
    lambdas: Sequence[float], intervals: Sequence[Interval], *, show_legend: bool
) -> tuple[go.Scatter, ...]:
    """The area between the bounds, there and back, and the mean over it."""
    label = f"{intervals[0].probability:.0%} of new searches at full fidelity"
    common = {"mode": "lines", "legendgroup": label, "hoverinfo": "skip"}
    lows, highs = [each.low for each in intervals], [each.high for each in intervals]
    area = go.Scatter(
        x=shorts([*lambdas, *reversed(lambdas)], 3),
        y=shorts([*highs, *reversed(lows)], 3),
        fill="toself",
        fillcolor=_BAND,
        line={"width": 0},
        name=label,
        showlegend=show_legend,
        **common,
    )
    mean = go.Scatter(
        x=shorts(lambdas, 3),
        y=shorts([each.mean for each in intervals], 3),
        line={"color": GREY, "width": 1.5},
        showlegend=False,
        **common,
    )
    return area, mean


def _mark_next(chart: go.Figure, search: Suggestion, span: LambdaRange) -> None:
    is_left_half = search.lambda_**2 < span.low * span.high
    for row in (1, 2):
        chart.add_vline(search.lambda_, line={"color": GREY, "dash": "dot", "width": 1.5}, row=row, col=1)
    chart.add_annotation(
        x=math.log10(search.lambda_),
        xref="x2",
        y=1,
        yref="y domain",
        text=f"next: λ {short(search.lambda_, 3)}, {search.epochs} epochs",
        showarrow=False,
        xanchor="left" if is_left_half else "right",
        yanchor="top",
    )


def _mark_unfinished(chart: go.Figure, trials: Sequence[TrialSummary]) -> None:
    pending = unfinished(trials)
    if not pending:
        return
    chart.add_trace(
        go.Scatter(
            x=shorts([trial.lambda_ for trial in pending]),
            y=[0.03] * len(pending),
            yaxis="y3",
            mode="markers",
            name="queued or running",
            meta="trials",
            customdata=[[trial.number] for trial in pending],
            marker={"symbol": "line-ns-open", "size": 14, "color": GREY},
            hovertemplate="trial %{customdata[0]} is queued or running at λ %{x}<extra></extra>",
        )
    )
    chart.update_layout(yaxis3={"overlaying": "y2", "range": [0, 1], "visible": False, "anchor": "x2"})
    chart.data[-1].xaxis = "x2"
