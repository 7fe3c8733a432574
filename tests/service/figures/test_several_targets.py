"""Figures of studies with several targets: lines and stars for each of them."""

from collections.abc import Callable
from dataclasses import replace

import plotly.graph_objects as go
import pytest

from service.domain.records import StudyRecord, TrialRecord
from service.figures import compare, curves, frontier, progress, tradeoff
from service.figures.compare import Progress
from service.figures.curves import MAX_TRIALS
from solver.reward import reward
from tests.service.figures.plausible import searches
from tests.service.figures.records import study_of

TARGETS = (80.0, 65.0, 120.0)


def best_for(trials: tuple[TrialRecord, ...], target_ms: float) -> TrialRecord:
    return max(trials, key=lambda trial: reward(trial.accuracy or 0, trial.runtime_ms or 0, target_ms))


def with_several(count: int) -> tuple[StudyRecord, tuple[TrialRecord, ...]]:
    study, trials, _ = study_of(list(searches(count)), target_runtime_ms=TARGETS)
    further = tuple(best_for(trials, target) for target in TARGETS[1:])
    return replace(study, further_bests=further), trials


STUDY, TRIALS = with_several(40)


@pytest.mark.parametrize("figure", [tradeoff.figure, frontier.figure])
def test_each_target_has_a_line_and_its_best_a_star(figure: Callable[..., go.Figure]) -> None:
    chart = figure(STUDY, TRIALS)
    texts = [annotation.text for annotation in chart.layout.annotations]
    assert [text for text in texts if text.startswith("target")] == [
        "target 80 ms", "target 65 ms", "target 120 ms",
    ]  # fmt: skip
    numbers = {trace.customdata[0][0] for trace in chart.data if trace.name == "recommended"}
    assert numbers == {best.number for _, best in STUDY.bests}
    assert len(numbers) == 3


def test_a_trial_that_is_best_for_two_targets_has_one_star() -> None:
    best = STUDY.best
    assert best is not None
    chart = frontier.figure(replace(STUDY, further_bests=(best, best)), TRIALS)
    assert [trace.customdata[0][0] for trace in chart.data if trace.name == "recommended"] == [best.number]


def test_all_targets_are_in_view() -> None:
    low, high = frontier.figure(STUDY, TRIALS).layout.xaxis.range
    assert low < min(TARGETS)
    assert max(TARGETS) < high


def test_curves_show_the_best_for_each_target() -> None:
    for count in (len(TRIALS), MAX_TRIALS, 3):
        numbers = [trial.number for trial in curves.chosen(STUDY, TRIALS[:count])]
        assert len(numbers) == min(count, MAX_TRIALS)
        assert numbers == sorted(set(numbers))
        assert {best.number for _, best in STUDY.bests if best.number < count} <= {*numbers}


def test_rewards_say_which_target_they_are_for() -> None:
    single, trials, _ = study_of(list(searches(3)))
    spent = {trial.number: 8 * (trial.number + 1) for trial in TRIALS}
    assert progress.figure(STUDY, TRIALS, spent).layout.yaxis.title.text == "reward for 80 ms"
    assert progress.figure(single, trials, spent).layout.yaxis.title.text == "reward"


def test_only_the_first_target_makes_rewards_incomparable() -> None:
    single, _, _ = study_of(list(searches(3)))
    other, _, _ = study_of(list(searches(3)), target_runtime_ms=(65.0, 80.0))
    alone, both, differing = (Progress(study, [8, 24], [0.6, 0.6]) for study in (single, STUDY, other))
    assert "target" not in compare.figure([alone, both]).layout.meta["note"]
    assert "target" in compare.figure([alone, differing]).layout.meta["note"]
