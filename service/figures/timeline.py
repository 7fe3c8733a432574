"""When each trial ran, and what ran beside it."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime

import plotly.graph_objects as go

from service.domain.records import EpochRecord, TrialSummary
from service.domain.states import TrialState
from service.figures.style import BLUE, GREEN, GREY, VERMILLION, new_figure

MAX_TRIALS = 200
"""Only the latest so many are drawn."""

_COLORS = {
    TrialState.QUEUED: GREY,
    TrialState.RUNNING: GREEN,
    TrialState.COMPLETED: BLUE,
    TrialState.FAILED: VERMILLION,
    TrialState.CANCELLED: GREY,
}


def figure(
    trials: Sequence[TrialSummary],
    epochs: Mapping[int, Sequence[EpochRecord]],
    now: datetime,
) -> go.Figure:
    """A bar from start to end of each trial, in as many lanes as ran at once; a mark where it was resumed.

    Args:
        trials: All trials of a study.
        epochs: Epochs in order of the latest trials that were started more than once, by number.
        now: Where bars of running trials end.
    """
    started = [trial for trial in trials if trial.started_at is not None]
    shown = latest(trials)
    note = f"the latest {len(shown)} of {len(started):,} trials" if len(shown) < len(started) else ""
    chart = new_figure("Trials over time", note)
    lane_of = lanes(shown, now)
    for state in TrialState:
        members = [trial for trial in shown if trial.state is state]
        if members:
            chart.add_trace(_bars(state, members, lane_of, now))
    resumed = _resumptions(epochs, lane_of)
    if resumed:
        chart.add_trace(
            go.Scatter(
                x=[_iso(moment) for _, _, moment in resumed],
                y=[lane_of[number] for number, _, _ in resumed],
                mode="markers",
                name="resumed",
                meta="trials",
                customdata=[[number, attempt] for number, attempt, _ in resumed],
                marker={"symbol": "triangle-right", "size": 11, "color": "#e69f00", "line": {"width": 1}},
                hovertemplate="trial %{customdata[0]} goes on as attempt %{customdata[1]}<extra></extra>",
            )
        )
    chart.update_xaxes(title_text="time (UTC)", type="date")
    chart.update_yaxes(title_text="lane", dtick=1, range=[0.4, max([3, *lane_of.values()]) + 0.6])
    chart.update_layout(barmode="overlay", bargap=0.25)
    return chart


def latest(trials: Sequence[TrialSummary]) -> list[TrialSummary]:
    """The trials that are drawn: the latest of those that have started."""
    return [trial for trial in trials if trial.started_at is not None][-MAX_TRIALS:]


def lanes(trials: Sequence[TrialSummary], now: datetime) -> dict[int, int]:
    """A lane from 1 for each started trial, by its number: the lowest that is free when it starts.

    So there are as many lanes as trials ever ran at once.
    """
    free_from: list[datetime] = []
    lane_of: dict[int, int] = {}
    for trial in sorted(trials, key=lambda each: (each.started_at or now, each.number)):
        start, end = trial.started_at or now, trial.finished_at or now
        lane = next((index for index, free in enumerate(free_from) if free <= start), len(free_from))
        if lane == len(free_from):
            free_from.append(end)
        free_from[lane] = max(start, end)
        lane_of[trial.number] = lane + 1
    return lane_of


def _bars(state: TrialState, trials: Sequence[TrialSummary], lane_of: dict[int, int], now: datetime) -> go.Bar:
    starts = [trial.started_at or now for trial in trials]
    ends = [trial.finished_at or now for trial in trials]
    milliseconds = [
        max(1, round((end - start).total_seconds() * 1000)) for start, end in zip(starts, ends, strict=True)
    ]
    return go.Bar(
        orientation="h",
        base=[_iso(start) for start in starts],
        x=milliseconds,
        y=[lane_of[trial.number] for trial in trials],
        name=state.value,
        meta="trials",
        customdata=[[trial.number, trial.worker or ""] for trial in trials],
        marker={
            "color": _COLORS[state],
            "line": {"width": 0.5, "color": "#ffffff"},
            "opacity": 0.85,
        },
        hovertemplate="trial %{customdata[0]}, " + state.value + " %{customdata[1]}<extra></extra>",
    )


def _resumptions(
    epochs: Mapping[int, Sequence[EpochRecord]], lane_of: Mapping[int, int]
) -> list[tuple[int, int, datetime]]:
    """(trial number, attempt, time of its first epoch) of each attempt after the first recorded one."""
    return [
        (number, after.attempt, after.recorded_at)
        for number, records in epochs.items()
        for before, after in itertools.pairwise(records)
        if after.attempt > before.attempt and number in lane_of
    ]


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")
