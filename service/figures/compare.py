"""Best reward against epochs spent of several studies, with mean and spread where a solver was repeated."""

import bisect
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from service.domain.records import StudyRecord
from service.domain.targets import targets_text
from service.figures.style import CYCLE, new_figure, padded, shorts

_GRID = 80


@dataclass(frozen=True, slots=True)
class Progress:
    """A study and the steps of its best reward; see :func:`service.figures.trials.best_steps`."""

    study: StudyRecord
    positions: list[int]
    rewards: list[float]

    def at(self, spent_epochs: float) -> float | None:
        """The best reward after so many epochs, or None before the first and after the last."""
        if not self.positions or spent_epochs > self.positions[-1]:
            return None
        index = bisect.bisect_right(self.positions, spent_epochs) - 1
        return None if index < 0 else self.rewards[index]


def figure(progresses: Sequence[Progress]) -> go.Figure:
    """The curve of each study; of a solver repeated at the same targets also mean and spread.

    The spread is one standard deviation. The reward is for a study's first target, and depends on
    platform and data set too: a note warns where studies differ in them.
    """
    chart = new_figure("Best reward of several studies", _note([progress.study for progress in progresses]))
    groups: dict[tuple[str, tuple[float, ...]], list[Progress]] = defaultdict(list)
    for progress in progresses:
        groups[progress.study.spec.solver.kind, progress.study.spec.targets_ms].append(progress)
    for index, ((solver, targets_ms), members) in enumerate(groups.items()):
        color = CYCLE[index % len(CYCLE)]
        if len(members) > 1:
            chart.add_traces(
                _spread(f"{solver}, {targets_text(targets_ms)} ms, mean of {len(members)}", members, color)
            )
        for member in members:
            chart.add_trace(_curve(member, color, alone=len(members) == 1))
    chart.update_xaxes(title_text="epochs spent", rangemode="tozero")
    chart.update_yaxes(title_text="best reward")
    rewards = [reward for progress in progresses for reward in progress.rewards]
    if rewards:
        chart.update_yaxes(range=padded(rewards))
    return chart


def _curve(progress: Progress, color: str, *, alone: bool) -> go.Scatter:
    study = progress.study
    return go.Scatter(
        x=progress.positions,
        y=shorts(progress.rewards),
        mode="lines" if len(progress.positions) > 1 else "markers",
        name=study.spec.name or study.id,
        line={"shape": "hv", "color": color, "width": 2.5 if alone else 1},
        opacity=1 if alone else 0.55,
        hovertemplate="%{y} after %{x} epochs",
    )


def _spread(name: str, members: Sequence[Progress], color: str) -> list[go.Scatter]:
    """Mean and one standard deviation where every member has a best trial."""
    first = max((member.positions[0] for member in members if member.positions), default=0)
    last = (
        min((member.positions[-1] for member in members), default=0)
        if all(m.positions for m in members)
        else 0
    )
    points = [(x, _values(members, x)) for x in _grid(first, last)]
    xs = [x for x, _ in points]
    means = [statistics.fmean(values) for _, values in points]
    deviations = [statistics.stdev(values) for _, values in points]
    low = [mean - deviation for mean, deviation in zip(means, deviations, strict=True)]
    high = [mean + deviation for mean, deviation in zip(means, deviations, strict=True)]
    band = go.Scatter(
        x=xs + xs[::-1],
        y=shorts(high + low[::-1]),
        fill="toself",
        fillcolor=color,
        opacity=0.18,
        line={"width": 0},
        mode="lines",
        name=name,
        legendgroup=name,
        showlegend=False,
        hoverinfo="skip",
    )
    line = go.Scatter(
        x=xs,
        y=shorts(means),
        customdata=shorts(deviations, 2),
        mode="lines",
        name=name,
        legendgroup=name,
        line={"color": color, "width": 3},
        hovertemplate="%{y} ± %{customdata} after %{x} epochs",
    )
    return [band, line]


def _values(members: Sequence[Progress], x: float) -> list[float]:
    return [value for member in members if (value := member.at(x)) is not None]


def _grid(first: int, last: int) -> list[int]:
    steps = min(_GRID, last - first)
    return [first + (last - first) * step // steps for step in range(steps + 1)] if steps > 0 else []


def _note(studies: Sequence[StudyRecord]) -> str:
    differing = [
        name
        for name, values in (
            ("target", {study.spec.first_target_ms for study in studies}),
            ("platform", {study.spec.platform for study in studies}),
            ("data set", {study.spec.search.dataset for study in studies}),
        )
        if len(values) > 1
    ]
    if not differing:
        return ""
    return f"the studies differ in {' and '.join(differing)}: their rewards do not measure the same thing"
