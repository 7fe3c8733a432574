"""Cross-entropy, accuracy and runtime per epoch (Fig. 5)."""

import math
from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
from plotly.colors import sample_colorscale
from plotly.subplots import make_subplots

from nas_worker.job import EpochReport
from service.domain.records import EpochRecord, StudyRecord, TrialSummary
from service.figures.style import BLUE, SCALE, VERMILLION, log_ticks, new_figure, short, shorts

MAX_TRIALS = 8
"""Curves of a whole study: the recommended trials and the latest others."""


def chosen(study: StudyRecord, trials: Sequence[TrialSummary]) -> list[TrialSummary]:
    """The trials that are drawn: the latest that have recorded an epoch, and the best for each target."""
    begun = [trial for trial in trials if trial.epochs_done]
    latest = begun[-MAX_TRIALS:]
    missing = {best.number for _, best in study.bests} - {trial.number for trial in latest}
    older = [trial for trial in begun if trial.number in missing]
    return [*older, *latest[len(older) :]]


def figure(
    study: StudyRecord, trials: Sequence[TrialSummary], epochs: Mapping[int, Sequence[EpochRecord]]
) -> go.Figure:
    """Curves of trials, coloured by lambda.

    Args:
        study: Its targets are drawn.
        trials: All trials of the study; the chosen ones are drawn.
        epochs: Epochs of the chosen ones in order, by number of the trial.
    """
    shown = chosen(study, trials)
    reports = {trial.number: [epoch.report for epoch in epochs[trial.number]] for trial in shown}
    begun = [trial for trial in trials if trial.epochs_done]
    note = ""
    if len(shown) < len(begun):
        note = f"{len(shown)} of {len(begun):,} trials: the recommended one and the latest"
    chart = make_subplots(
        rows=3,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.05,
        figure=new_figure("Curves of the searches", note),
    )
    color_of = _colors(shown)
    for trial in shown:
        _add_curves(chart, trial, reports[trial.number], color_of[trial.number])
    if len(shown) > 1:
        chart.add_trace(_color_bar(shown))
    for target in study.spec.targets_ms:
        chart.add_hline(target, line={"color": VERMILLION, "dash": "dash", "width": 1.5}, row=3, col=1)
    for row, title in enumerate(("cross-entropy", "accuracy", "runtime (ms)"), start=1):
        chart.update_yaxes(title_text=title, row=row, col=1)
    longest = max((len(reports[trial.number]) for trial in shown), default=1)
    chart.update_xaxes(dtick=math.ceil(longest / 10))
    chart.update_xaxes(title_text="epoch", row=3, col=1)
    chart.update_layout(showlegend=False, height=600)
    return chart


def _colors(trials: Sequence[TrialSummary]) -> dict[int, str]:
    logs = [math.log10(trial.lambda_) for trial in trials]
    if len(logs) < 2 or min(logs) == max(logs):
        return {trial.number: BLUE for trial in trials}
    low, span = min(logs), max(logs) - min(logs)
    return {
        trial.number: sample_colorscale(SCALE, (log - low) / span)[0]
        for trial, log in zip(trials, logs, strict=True)
    }


def _add_curves(chart: go.Figure, trial: TrialSummary, reports: Sequence[EpochReport], color: str) -> None:
    rows = (
        [report.cross_entropy for report in reports],
        [report.accuracy for report in reports],
        [report.runtime_ms for report in reports],
    )
    label = f"trial {trial.number}, λ {short(trial.lambda_, 3)}"
    for row, values in enumerate(rows, start=1):
        chart.add_trace(
            go.Scatter(
                x=[report.epoch for report in reports],
                y=shorts(values),
                mode="lines+markers",
                name=f"trial {trial.number}",
                meta="curve",
                line={"color": color, "width": 1.5},
                marker={"size": 5},
                hovertemplate=f"{label}, epoch %{{x}}: %{{y}}<extra></extra>",
            ),
            row=row,
            col=1,
        )


def _color_bar(trials: Sequence[TrialSummary]) -> go.Scatter:
    """An empty trace that carries the colour bar of lambda."""
    lambdas = [trial.lambda_ for trial in trials]
    ticks = log_ticks(min(lambdas), max(lambdas)) or [short(min(lambdas), 2), short(max(lambdas), 2)]
    return go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        hoverinfo="skip",
        marker={
            "colorscale": SCALE,
            "cmin": short(math.log10(min(lambdas))),
            "cmax": short(math.log10(max(lambdas))),
            "color": [short(math.log10(min(lambdas)))],
            "colorbar": {
                "title": {"text": "λ"},
                "thickness": 12,
                "outlinewidth": 0,
                "tickvals": shorts([math.log10(tick) for tick in ticks]),
                "ticktext": [f"{tick:g}" for tick in ticks],
            },
        },
    )
