import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from service.figures import frontier
from service.figures.frontier import round_levels
from service.figures.trials import Outcome, outcomes, pareto
from solver.reward import reward
from tests.service.figures.plausible import searches
from tests.service.figures.records import study_of

STUDY, TRIALS, _ = study_of(list(searches(60, low_fidelity=True)))
TRIAL = TRIALS[0]

clouds = st.lists(
    st.tuples(st.floats(0.01, 1), st.floats(1, 200)).map(
        lambda pair: Outcome(TRIAL, accuracy=pair[0], runtime_ms=pair[1], reward=0.0)
    ),
    min_size=1,
    max_size=40,
)


@given(clouds, st.floats(1, 200))
def test_the_best_trial_for_any_target_is_on_the_frontier(found: list[Outcome], target_ms: float) -> None:
    def best(of: list[Outcome]) -> float:
        return max(reward(each.accuracy, each.runtime_ms, target_ms) for each in of)

    assert best(pareto(found)) == best(found)


@given(clouds)
def test_the_frontier_rises(found: list[Outcome]) -> None:
    front = pareto(found)
    for left, right in itertools.pairwise(front):
        assert left.runtime_ms < right.runtime_ms
        assert left.accuracy < right.accuracy


@given(st.floats(-2, 2), st.floats(1e-3, 3))
def test_levels_are_round_and_within(low: float, width: float) -> None:
    levels = round_levels(low, low + width)
    assert all(low - 1e-9 <= level <= low + width + 1e-9 for level in levels)
    assert len(levels) <= 11


def test_contours_join_equal_rewards() -> None:
    chart = frontier.figure(STUDY, TRIALS)
    lines = next(trace for trace in chart.data if trace.name == "equal reward")
    points = [(x, y) for x, y in zip(lines.x, lines.y, strict=True) if x is not None]
    for start in range(0, len(points), 3):
        rewards = [reward(y, x, STUDY.spec.first_target_ms) for x, y in points[start : start + 3]]
        assert max(rewards) - min(rewards) < 1e-3 * max(rewards)


def test_only_full_fidelity_is_on_the_frontier() -> None:
    chart = frontier.figure(STUDY, TRIALS)
    line = next(trace for trace in chart.data if trace.name == "frontier")
    full = [outcome.accuracy for outcome in outcomes(TRIALS) if outcome.trial.epochs == 8]
    assert max(line.y) <= max(full) + 1e-4


def test_one_trial_on_the_target_has_a_range() -> None:
    trial = replace(TRIAL, runtime_ms=80.0, accuracy=0.7, reward=0.7, epochs=8)
    chart = frontier.figure(replace(STUDY, best=trial), [trial])
    low, high = chart.layout.xaxis.range
    assert low < 80 < high
