"""The accuracy-runtime plane: trials, their frontier, the target and lines of equal reward."""

import math
from collections.abc import Sequence

import plotly.graph_objects as go

from service.domain.records import StudyRecord, TrialSummary
from service.figures.dots import best_star, dots, landmarks, note
from service.figures.style import GREEN, GREY, VERMILLION, new_figure, padded, short, shorts
from service.figures.trials import Outcome, frontier_of, kinds, outcomes, recommended

_CONTOURS = 10


def figure(study: StudyRecord, trials: Sequence[TrialSummary]) -> go.Figure:
    """Accuracy against runtime of the completed trials; the frontier is that of full fidelity.

    Of several targets, the lines of equal reward are for the first.
    """
    found = outcomes(trials)
    traces = dots(kinds(study, found), _runtime, _accuracy)
    targets = study.spec.targets_ms
    chart = new_figure("Accuracy against runtime", note(traces))
    if found:
        runtimes = [outcome.runtime_ms for outcome in found]
        accuracies = [outcome.accuracy for outcome in found]
        xs, ys = padded([*targets, *runtimes]), padded(accuracies)
        chart.update_xaxes(range=xs)
        chart.update_yaxes(range=ys)
        chart.add_traces(_contours(xs, ys, study.spec.first_target_ms))
    chart.add_traces(traces)
    front = frontier_of(study, found)
    chart.add_trace(
        go.Scatter(
            x=shorts([outcome.runtime_ms for outcome in front]),
            y=shorts([outcome.accuracy for outcome in front]),
            mode="lines",
            name="frontier",
            line={"shape": "hv", "color": GREEN, "width": 2},
            hoverinfo="skip",
        )
    )
    chart.add_trace(landmarks(front, _runtime, _accuracy, "frontier", GREEN))
    for place, best in enumerate(recommended(study)):
        chart.add_trace(best_star(best, best.runtime_ms, best.accuracy, show_legend=place == 0))
    for place, target in enumerate(targets):
        chart.add_vline(target, line={"color": VERMILLION, "dash": "dash", "width": 1.5})
        chart.add_annotation(
            x=target,
            y=0,
            yref="paper",
            text=f"target {target:g} ms",
            showarrow=False,
            xanchor="left",
            yanchor="bottom",
            xshift=4,
            yshift=16 * place,  # so that those of close targets do not overlap
        )
    chart.update_xaxes(title_text="runtime (ms)")
    chart.update_yaxes(title_text="accuracy")
    return chart


def _runtime(outcome: Outcome) -> float:
    return outcome.runtime_ms


def _accuracy(outcome: Outcome) -> float:
    return outcome.accuracy


def _contours(xs: Sequence[float], ys: Sequence[float], target_ms: float) -> go.Scatter:
    """Lines of equal reward: Eq. 19 solved for accuracy, r up to the target and r * R / R_T beyond."""
    line_xs: list[float | None] = []
    line_ys: list[float | None] = []
    labels: list[str] = []
    for level in round_levels(ys[0] * target_ms / xs[1], ys[1]):
        line_xs += [short(xs[0]), short(target_ms), short(xs[1]), None]
        line_ys += [level, level, short(level * xs[1] / target_ms), None]
        labels += [f"{level:g}", "", "", ""]
    return go.Scatter(
        x=line_xs,
        y=line_ys,
        text=labels,
        textposition="top right",
        textfont={"size": 10},
        mode="lines+text",
        name="equal reward",
        line={"color": GREY, "width": 1, "dash": "dot"},
        opacity=0.7,
        hoverinfo="skip",
    )


def round_levels(low: float, high: float) -> list[float]:
    """About ten round numbers within a range that is not empty."""
    rough = (high - low) / _CONTOURS
    decade = 10.0 ** math.floor(math.log10(rough))
    step = next(step for step in (decade, 2 * decade, 5 * decade, 10 * decade) if step >= rough)
    return [short(step * index, 8) for index in range(math.ceil(low / step), math.floor(high / step) + 1)]
