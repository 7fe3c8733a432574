import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.figures.dots import MAX_DOTS, dots, landmarks, merge, note
from service.figures.trials import Kind, outcomes
from tests.service.figures.plausible import searches
from tests.service.figures.records import study_of

points = st.lists(st.tuples(st.floats(0.01, 1e4), st.floats(-5, 5)), min_size=1, max_size=200)


def kind_of(count: int) -> Kind:
    _, trials, _ = study_of(list(searches(count)))
    return Kind("8 epochs", "#0072b2", "circle-open", outcomes(trials))


@given(points, st.booleans())
def test_merging_keeps_every_trial_and_the_range(found: list[tuple[float, float]], log_x: bool) -> None:
    xs, ys = [x for x, _ in found], [y for _, y in found]
    merged = merge(xs, ys, log_x=log_x)
    assert sum(merged.counts) == len(found)
    assert all(min(xs) * 0.999 <= x <= max(xs) * 1.001 for x in merged.xs)
    assert all(min(ys) - 1e-9 <= y <= max(ys) + 1e-9 for y in merged.ys)


@given(points)
def test_a_merged_mean_is_the_mean_of_all(found: list[tuple[float, float]]) -> None:
    ys = [y for _, y in found]
    merged = merge([x for x, _ in found], ys)
    total = sum(y * count for y, count in zip(merged.ys, merged.counts, strict=True))
    assert total == pytest.approx(sum(ys), abs=1e-6)


def traces_of(*kinds: Kind) -> list[go.Scatter]:
    return dots(kinds, lambda outcome: outcome.runtime_ms, lambda outcome: outcome.accuracy)


def test_a_small_study_shows_every_trial_and_says_nothing() -> None:
    kind = kind_of(MAX_DOTS)
    (trace,) = traces_of(kind)
    assert trace.meta == "trials"
    assert [data[0] for data in trace.customdata] == list(range(MAX_DOTS))
    assert note([trace]) == ""


def test_a_big_study_merges_dots_and_says_so() -> None:
    for counts in ((MAX_DOTS + 1,), (MAX_DOTS, 1)):
        found = traces_of(*map(kind_of, counts))
        assert [trace.meta for trace in found] == ["merged"] * len(counts)
        assert [sum(trace.marker.size) for trace in found] == list(counts)
        drawn = sum(len(trace.x) for trace in found)
        assert note(found).startswith(f"{MAX_DOTS + 1} trials merged into {drawn} dots,")


def test_landmarks_are_trials_however_many_dots_are_merged() -> None:
    found = kind_of(3).outcomes
    trace = landmarks(found, lambda each: each.runtime_ms, lambda each: each.accuracy, "frontier", "#009e73")
    assert trace.meta == "trials"
    assert [data[0] for data in trace.customdata] == [each.trial.number for each in found]
