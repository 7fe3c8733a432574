import itertools
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from service.domain.records import EpochRecord, TrialRecord
from service.domain.states import TrialState
from service.figures import timeline
from service.figures.timeline import MAX_TRIALS, lanes
from tests.service.figures.plausible import searches
from tests.service.figures.records import START, study_of

_, TRIALS, EPOCHS = study_of(list(searches(6)))
NOW = START + timedelta(days=1)

spans = st.lists(st.tuples(st.integers(0, 100), st.integers(1, 40)), max_size=30)


def trials_of(found: list[tuple[int, int]]) -> list[TrialRecord]:
    return [
        replace(
            TRIALS[0],
            number=number,
            started_at=START + timedelta(seconds=start),
            finished_at=START + timedelta(seconds=start + length),
        )
        for number, (start, length) in enumerate(found)
    ]


@given(spans)
def test_trials_of_a_lane_do_not_overlap_and_no_lane_is_wasted(found: list[tuple[int, int]]) -> None:
    trials = trials_of(found)
    lane_of = lanes(trials, NOW)
    for one, other in itertools.combinations(range(len(found)), 2):
        if lane_of[one] == lane_of[other]:
            (start, length), (start_other, length_other) = found[one], found[other]
            assert start + length <= start_other or start_other + length_other <= start
    at_once = max((sum(s <= t < s + n for s, n in found) for t, _ in found), default=0)
    assert max(lane_of.values(), default=0) == at_once


def test_a_running_trial_ends_now() -> None:
    running = replace(TRIALS[0], state=TrialState.RUNNING, finished_at=None)
    bar = timeline.figure([running], {}, START + timedelta(seconds=90)).data[0]
    assert (bar.name, list(bar.x)) == ("running", [90_000])


def test_a_resumed_trial_is_marked_where_the_next_attempt_begins() -> None:
    records = [epoch for number, epoch in EPOCHS if number == 0]
    resumed = [*records[:3], *(replace(epoch, attempt=2) for epoch in records[3:])]
    epochs: dict[int, list[EpochRecord]] = {0: resumed}
    mark = timeline.figure(list(TRIALS), epochs, NOW).data[-1]
    assert [list(data) for data in mark.customdata] == [[0, 2]]
    assert list(mark.x) == [records[3].recorded_at.strftime("%Y-%m-%d %H:%M:%S")]


def test_of_many_trials_the_latest_are_drawn_and_the_figure_says_so() -> None:
    trials = trials_of([(number, 1) for number in range(MAX_TRIALS + 5)])
    chart = timeline.figure(trials, {}, NOW)
    assert [data[0] for data in chart.data[0].customdata] == list(range(5, MAX_TRIALS + 5))
    assert chart.layout.meta["note"] == f"the latest {MAX_TRIALS} of {MAX_TRIALS + 5} trials"
