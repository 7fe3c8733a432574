import itertools
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.domain.events import EventKind, EventRecord
from service.domain.records import TrialRecord
from service.domain.states import TrialState
from service.figures import timeline
from service.figures.timeline import MAX_ROWS, MAX_TRIALS, Attempt, attempts, rows_of
from tests.service.figures.plausible import searches
from tests.service.figures.records import START, study_of

TRIALS = study_of(list(searches(6)))[1]
NOW = START + timedelta(days=1)

spans = st.lists(st.tuples(st.integers(0, 100), st.integers(1, 40)), max_size=30)


def at(seconds: int) -> timedelta:
    return timedelta(seconds=seconds)


def trials_of(found: list[tuple[int, int]]) -> list[TrialRecord]:
    return [
        replace(
            TRIALS[0], number=number, started_at=START + at(start), finished_at=START + at(start + length)
        )
        for number, (start, length) in enumerate(found)
    ]


def event(
    seconds: int,
    state: str,
    *,
    trial: int = 0,
    attempt: int = 1,
    kind: EventKind = EventKind.STATE,
    detail: str | None = None,
) -> EventRecord:
    return EventRecord(seconds, START + at(seconds), kind, trial, attempt, state, detail)


LOST_ONCE = [
    event(0, "queued", attempt=0, kind=EventKind.CREATED),
    event(1, "running", detail="worker-a"),
    event(5, "queued", kind=EventKind.RETRY, detail="the worker was lost"),
    event(7, "running", attempt=2, detail="worker-b"),
    event(8, "running", attempt=2, kind=EventKind.ADOPTED),
    event(9, "queued", attempt=2),
    event(11, "running", attempt=3, detail="worker-b"),
    event(20, "completed", attempt=3),
]


def test_each_attempt_is_on_its_worker_until_it_ended() -> None:
    found = attempts(trials_of([(1, 19)]), LOST_ONCE)
    assert [
        (each.attempt, each.worker, (each.begin - START).seconds, each.outcome, each.end) for each in found
    ] == [
        (1, "worker-a", 1, "worker lost", START + at(5)),
        (2, "worker-b", 7, "stopped, to go on later", START + at(9)),
        (3, "worker-b", 11, "completed", START + at(20)),
    ]


def test_a_row_is_a_worker_and_what_is_taken_up_again_is_marked() -> None:
    chart = timeline.figure(trials_of([(1, 19)]), LOST_ONCE, NOW)
    assert list(chart.layout.yaxis.ticktext) == ["worker a", "worker b"]
    rows = {trace.name: list(trace.y) for trace in chart.data}
    assert rows == {
        "completed": [2], "worker lost": [1], "stopped, to go on later": [2], "taken up again": [2, 2],
    }  # fmt: skip
    assert [list(data) for data in chart.data[-1].customdata] == [[0, 2], [0, 3]]


def test_a_running_attempt_ends_now() -> None:
    running = replace(TRIALS[0], state=TrialState.RUNNING, finished_at=None)
    for events in ([], [event(0, "running", detail="worker-a")]):
        bar = timeline.figure([running], events, START + timedelta(seconds=90)).data[0]
        assert (bar.name, list(bar.x)) == ("running", [90_000])


@given(spans)
def test_attempts_on_unknown_workers_do_not_overlap_and_no_row_is_wasted(
    found: list[tuple[int, int]],
) -> None:
    drawn = attempts(trials_of(found), [])
    rows = rows_of(drawn, NOW)
    for (one, row), (other, other_row) in itertools.combinations(zip(drawn, rows, strict=True), 2):
        if row == other_row:
            assert one.end is not None
            assert one.end <= other.begin
    at_once = max((sum(s <= t < s + n for s, n in found) for t, _ in found), default=0)
    assert len(set(rows)) == at_once


def test_of_many_trials_the_latest_are_drawn_and_the_figure_says_so() -> None:
    trials = trials_of([(number, 1) for number in range(MAX_TRIALS + 5)])
    chart = timeline.figure(trials, [], NOW)
    assert [data[0] for data in chart.data[0].customdata] == list(range(5, MAX_TRIALS + 5))
    assert chart.layout.meta["note"] == f"the latest {MAX_TRIALS} of {MAX_TRIALS + 5} trials"


def test_of_many_workers_the_latest_are_drawn_and_the_figure_says_so() -> None:
    count = MAX_ROWS + 3
    trials = trials_of([(number, 1) for number in range(count)])
    events = [event(n, "running", trial=n, detail=f"worker-{n:032x}") for n in range(count)]
    chart = timeline.figure(trials, events, NOW)
    assert [data[0] for data in chart.data[0].customdata] == list(range(3, count))
    assert chart.layout.meta["note"] == f"the latest {MAX_ROWS} of {count} trials"
    assert Attempt(0, 1, f"worker-{0:032x}", START, None, "running") in attempts(trials, events)
