"""Reward over lambda and epochs (Fig. 9 right)."""

import bisect
import itertools
import math
from collections import defaultdict
from collections.abc import Sequence

import plotly.graph_objects as go

from service.domain.records import StudyRecord, TrialSummary
from service.figures.style import SCALE, lambda_axis, new_figure, reward_title, short, shorts
from service.figures.trials import outcomes

MAX_COLUMNS = 24
"""More distinct lambdas than this are binned on the log scale."""


def figure(study: StudyRecord, trials: Sequence[TrialSummary]) -> go.Figure:
    """Mean reward of the completed trials at each (lambda, epochs); targeted searches are left out.

    A trial counts at its own fidelity only: the middle of a long search is no short search, since the
    schedule rescales to the budget.
    """
    found = [outcome for outcome in outcomes(trials) if outcome.trial.hinge_target_ms is None]
    span, epochs = study.spec.lambda_range, study.spec.epochs
    edges = column_edges([outcome.trial.lambda_ for outcome in found], span.low, span.high)
    cells: dict[tuple[int, int], list[float]] = defaultdict(list)
    for outcome in found:
        column = min(len(edges) - 2, max(0, bisect.bisect_right(edges, outcome.trial.lambda_) - 1))
        cells[outcome.trial.epochs - epochs.min, column].append(outcome.reward)
    rows, columns = range(epochs.max - epochs.min + 1), range(len(edges) - 1)
    binned = len({outcome.trial.lambda_ for outcome in found}) > MAX_COLUMNS
    chart = new_figure(
        "Reward over λ and epochs",
        f"λ is binned into {len(columns)} columns; a cell is the mean" if binned else "",
    )
    chart.add_trace(
        go.Heatmap(
            x=shorts(edges, 5),
            y=list(range(epochs.min, epochs.max + 1)),
            z=[[_mean(cells.get((row, column))) for column in columns] for row in rows],
            customdata=[[len(cells.get((row, column), ())) for column in columns] for row in rows],
            colorscale=SCALE,
            colorbar={
                "title": {"text": reward_title(study.spec.targets_ms)},
                "thickness": 12,
                "outlinewidth": 0,
            },
            hoverongaps=False,
            hovertemplate="reward %{z}, λ about %{x:.3g}, %{y} epochs<br>%{customdata} trials<extra></extra>",
            xgap=1,
            ygap=1,
        )
    )
    chart.update_xaxes(**lambda_axis(min(edges[0], span.low), max(edges[-1], span.high)))
    chart.update_yaxes(title_text="epochs", dtick=max(1, math.ceil(len(rows) / 12)))
    return chart


def column_edges(lambdas: Sequence[float], low: float, high: float) -> list[float]:
    """Edges of the columns: around each distinct lambda where these are few, even on the log scale otherwise.

    Args:
        lambdas: Positive, in any order.
        low: Lower end of the study's range, where there is nothing else to go by.
        high: Upper end.

    Returns:
        Rising edges, one more than columns; every lambda lies between the first and the last.
    """
    logs = sorted({math.log10(value) for value in lambdas})
    if not logs:
        return [low, high]
    if len(logs) == 1:
        return [10 ** (logs[0] - 0.1), 10 ** (logs[0] + 0.1)]
    if len(logs) <= MAX_COLUMNS:
        middles = [(left + right) / 2 for left, right in itertools.pairwise(logs)]
        first, last = 2 * logs[0] - middles[0], 2 * logs[-1] - middles[-1]
        return [10**edge for edge in (first, *middles, last)]
    start, stop = min(logs[0], math.log10(low)), max(logs[-1], math.log10(high))
    return [10 ** (start + (stop - start) * step / MAX_COLUMNS) for step in range(MAX_COLUMNS + 1)]


def _mean(rewards: Sequence[float] | None) -> float | None:
    return short(sum(rewards) / len(rewards)) if rewards else None
