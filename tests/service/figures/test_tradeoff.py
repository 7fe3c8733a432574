from dataclasses import replace

from service.domain.advice import Outlook
from service.domain.states import TrialState
from service.figures import tradeoff
from solver.base import Forecast, Interval, Suggestion
from tests.service.figures.plausible import searches
from tests.service.figures.records import study_of


def test_every_trial_is_above_and_below_at_its_lambda() -> None:
    study, trials, _ = study_of(list(searches(20)))
    above, below = [trace for trace in tradeoff.figure(study, trials).data if trace.name == "8 epochs"]
    assert list(above.x) == list(below.x)
    assert [data[0] for data in above.customdata] == list(range(20))
    assert (above.yaxis, below.yaxis) == ("y", "y2")


def test_unfinished_trials_are_ticks_below() -> None:
    study, trials, _ = study_of(list(searches(4)))
    queued = replace(trials[3], state=TrialState.QUEUED, accuracy=None, runtime_ms=None, reward=None)
    chart = tradeoff.figure(study, [*trials[:3], queued])
    ticks = next(trace for trace in chart.data if trace.name == "queued or running")
    assert [data[0] for data in ticks.customdata] == [3]
    assert (ticks.xaxis, ticks.yaxis) == ("x2", "y3")


def test_what_the_solver_expects_is_a_band_under_the_dots() -> None:
    study, trials, _ = study_of(list(searches(20)))
    lambdas = (0.1, 1.0, 10.0)
    forecast = Forecast(
        lambdas,
        tuple(Interval(0.9 - at / 10, 0.8 - at / 10, 1 - at / 10, 0.9) for at in range(3)),
        tuple(Interval(100.0 - 30 * at, 90.0 - 30 * at, 115.0 - 30 * at, 0.9) for at in range(3)),
    )
    chart = tradeoff.figure(study, trials, Outlook(forecast, Suggestion(0.5, 8)))
    areas = [trace for trace in chart.data if trace.fill == "toself"]
    assert [area.yaxis for area in areas] == ["y", "y2"]
    assert list(areas[0].x) == [0.1, 1, 10, 10, 1, 0.1]
    assert list(areas[0].y) == [115, 85, 55, 30, 60, 90]
    assert chart.data[0] is areas[0]
    assert "90% of new searches" in areas[0].name
    assert [note.text for note in chart.layout.annotations if "next" in note.text] == [
        "next: λ 0.5, 8 epochs"
    ]
    assert [line.x0 for line in chart.layout.shapes if line.x0 == line.x1] == [0.5, 0.5]


def test_a_solver_without_a_model_shows_only_what_it_would_search_next() -> None:
    study, trials, _ = study_of(list(searches(20)))
    chart = tradeoff.figure(study, trials, Outlook(None, Suggestion(0.5, 8)))
    assert not [trace for trace in chart.data if trace.fill == "toself"]
    assert [line.x0 for line in chart.layout.shapes if line.x0 == line.x1] == [0.5, 0.5]
