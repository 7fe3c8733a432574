"""Which worker ran what when: trials over time, attempt by attempt."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import plotly.graph_objects as go

from service.domain.events import EventKind, EventRecord
from service.domain.records import TrialSummary
from service.domain.states import TrialState
from service.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, new_figure

MAX_TRIALS = 150
"""Only the latest so many are drawn."""

MAX_ROWS = 40
"""And only the attempts on the latest so many workers."""

_EDGE = "rgba(128, 134, 145, 0.7)"  # parts bars on white as on black

_LOST, _STOPPED = "worker lost", "stopped, to go on later"

_COLORS = {
    TrialState.COMPLETED.value: BLUE,
    TrialState.RUNNING.value: GREEN,
    TrialState.FAILED.value: VERMILLION,
    TrialState.CANCELLED.value: GREY,
    _LOST: ORANGE,
    _STOPPED: PURPLE,
}
"""By how an attempt ended, in the order of the legend."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A trial on a worker.

    Attributes:
        number: Of the trial.
        attempt: From 1.
        worker: Name of the worker, or None where it was not recorded.
        begin: UTC.
        end: UTC, or None while it runs.
        outcome: How it ended: a key of the colours; ``running`` while it runs.
    """

    number: int
    attempt: int
    worker: str | None
    begin: datetime
    end: datetime | None
    outcome: str


def latest(trials: Sequence[TrialSummary]) -> list[TrialSummary]:
    """The trials that are drawn: the latest of those that have started."""
    return [trial for trial in trials if trial.started_at is not None][-MAX_TRIALS:]


def attempts(trials: Iterable[TrialSummary], events: Iterable[EventRecord]) -> list[Attempt]:
    """The attempts at trials, by their begin.

    Args:
        trials: Those that have started.
        events: What happened to them, in order. A trial of which none is recorded, since it is older or was
            run by another study, counts as one attempt on a worker that is not known.
    """
    open_at: dict[int, EventRecord] = {}
    found: list[Attempt] = []
    for event in events:
        if event.trial is None or event.kind not in (EventKind.STATE, EventKind.RETRY):
            continue
        begun = open_at.pop(event.trial, None)
        if begun is not None:
            found.append(_attempt(event.trial, begun, event))
        if event.state == TrialState.RUNNING:
            open_at[event.trial] = event
    found += [_attempt(number, begun, None) for number, begun in open_at.items()]
    known = {attempt.number for attempt in found}
    for trial in trials:
        if trial.number not in known and trial.started_at is not None:
            attempt = max(1, trial.attempt)
            found.append(
                Attempt(trial.number, attempt, None, trial.started_at, trial.finished_at, trial.state.value)
            )
    return sorted(found, key=lambda each: (each.begin, each.number))


def _attempt(number: int, begun: EventRecord, ended: EventRecord | None) -> Attempt:
    outcome = TrialState.RUNNING.value
    if ended is not None:
        ends = {EventKind.RETRY: _LOST, EventKind.STATE: ended.state or ""}
        outcome = ends[ended.kind]
        if outcome == TrialState.QUEUED:
            outcome = _STOPPED
    return Attempt(
        number, begun.attempt or 1, begun.detail, begun.at, None if ended is None else ended.at, outcome
    )


def rows_of(found: Sequence[Attempt], now: datetime) -> list[str]:
    """The row of each attempt: its worker, or where that is not known the first lane that is free."""
    free_from: list[datetime] = []
    rows = []
    for attempt in found:
        if attempt.worker is not None:
            rows.append(attempt.worker)
            continue
        end = attempt.end or now
        lane = next((lane for lane, free in enumerate(free_from) if free <= attempt.begin), len(free_from))
        free_from[lane : lane + 1] = [end]
        rows.append(f"unknown {lane + 1}")
    return rows


def figure(trials: Sequence[TrialSummary], events: Sequence[EventRecord], now: datetime) -> go.Figure:
    """A row for each worker, a bar for each attempt, a mark where a trial was taken up again.

    Args:
        trials: All trials of a study.
        events: What happened to the latest ones of them, in order.
        now: Where bars of running attempts end.
    """
    shown = latest(trials)
    found = attempts(shown, [event for event in events if shown and (event.trial or 0) >= shown[0].number])
    rows = rows_of(found, now)
    kept = list(dict.fromkeys(reversed(rows)))[:MAX_ROWS]
    pairs = [(each, row) for each, row in zip(found, rows, strict=True) if row in kept]
    places = {row: place for place, row in enumerate(dict.fromkeys(row for _, row in pairs), start=1)}
    chart = new_figure("Trials over time", _note(trials, {each.number for each, _ in pairs}))
    for outcome, color in _COLORS.items():
        members = [(each, places[row]) for each, row in pairs if each.outcome == outcome]
        if members:
            chart.add_trace(_bars(outcome, color, members, now))
    again = [(each, places[row]) for each, row in pairs if each.attempt > 1]
    if again:
        chart.add_trace(_marks(again))
    chart.update_xaxes(title_text="time (UTC)", type="date")
    chart.update_yaxes(
        tickvals=list(places.values()),
        ticktext=[_label(row) for row in places],
        range=[max(3, len(places)) + 0.6, 0.4],
    )
    chart.update_layout(barmode="overlay", bargap=0.25, height=max(420, 130 + 22 * len(places)))
    return chart


def _note(trials: Sequence[TrialSummary], shown: set[int]) -> str:
    started = sum(trial.started_at is not None for trial in trials)
    return f"the latest {len(shown)} of {started:,} trials" if len(shown) < started else ""


def _label(row: str) -> str:
    """Short enough for an axis: a worker's name is a prefix and 32 hex digits."""
    prefix, _, rest = row.partition("-")
    return f"{prefix} {rest[:6]}" if rest else row


def _bars(outcome: str, color: str, members: Sequence[tuple[Attempt, int]], now: datetime) -> go.Bar:
    lengths = [((each.end or now) - each.begin).total_seconds() for each, _ in members]
    return go.Bar(
        orientation="h",
        base=[_iso(each.begin) for each, _ in members],
        x=[max(1, round(seconds * 1000)) for seconds in lengths],
        y=[place for _, place in members],
        name=outcome,
        meta="trials",
        customdata=[[each.number, each.attempt] for each, _ in members],
        marker={"color": color, "line": {"width": 0.5, "color": _EDGE}, "opacity": 0.85},
        hovertemplate=f"trial %{{customdata[0]}}, attempt %{{customdata[1]}}: {outcome}<extra></extra>",
    )


def _marks(again: Sequence[tuple[Attempt, int]]) -> go.Scatter:
    return go.Scatter(
        x=[_iso(each.begin) for each, _ in again],
        y=[place for _, place in again],
        mode="markers",
        name="taken up again",
        meta="trials",
        customdata=[[each.number, each.attempt] for each, _ in again],
        marker={"symbol": "triangle-right", "size": 11, "color": "#e69f00", "line": {"width": 1}},
        hovertemplate="trial %{customdata[0]} goes on as attempt %{customdata[1]}<extra></extra>",
    )


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")
