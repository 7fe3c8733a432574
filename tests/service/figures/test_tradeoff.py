from dataclasses import replace

from service.domain.states import TrialState
from service.figures import tradeoff
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
