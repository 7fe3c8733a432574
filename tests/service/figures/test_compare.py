import statistics
from typing import Any

import pytest

from service.figures import compare
from service.figures.compare import Progress
from tests.service.figures.plausible import searches
from tests.service.figures.records import study_of


def progress_of(positions: list[int], rewards: list[float], **fields: Any) -> Progress:
    study, _, _ = study_of(list(searches(1)), **fields)
    return Progress(study, positions, rewards)


def test_the_best_reward_holds_until_the_next_one() -> None:
    progress = progress_of([8, 16, 40], [0.5, 0.6, 0.6])
    at = {spent: progress.at(spent) for spent in (7, 8, 15, 16, 40, 41)}
    assert at == {7: None, 8: 0.5, 15: 0.5, 16: 0.6, 40: 0.6, 41: None}


def test_repeated_studies_have_their_mean_and_deviation() -> None:
    members = [progress_of([8, 40], [0.5, 0.5], seed=1), progress_of([16, 48], [0.7, 0.7], seed=2)]
    chart = compare.figure(members)
    mean = next(trace for trace in chart.data if "mean of 2" in trace.name and trace.fill is None)
    assert (mean.x[0], mean.x[-1]) == (16, 40)
    assert set(mean.y) == {0.6}
    assert mean.customdata[0] == pytest.approx(statistics.stdev([0.5, 0.7]), rel=0.05)


def test_studies_of_different_solvers_are_not_averaged() -> None:
    chart = compare.figure(
        [progress_of([8], [0.5], name="a"), progress_of([8], [0.6], name="b", solver={"kind": "random"})]
    )
    assert [trace.name for trace in chart.data] == ["a", "b"]
    assert chart.layout.meta["note"] == ""


def test_different_targets_are_pointed_out() -> None:
    chart = compare.figure([progress_of([8], [0.5]), progress_of([8], [0.6], target_runtime_ms=60)])
    assert "differ in target" in chart.layout.meta["note"]


def test_a_study_without_an_answer_does_not_spoil_the_others() -> None:
    chart = compare.figure([progress_of([], []), progress_of([8, 16], [0.5, 0.5])])
    assert [list(trace.y) for trace in chart.data if trace.y] == [[0.5, 0.5]]
