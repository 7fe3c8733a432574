import json

import plotly.graph_objects as go
import pytest

from service import figures
from service.db.store import Store
from service.domain.errors import NotFoundError
from service.figures import fidelity_heatmap, frontier, progress, tradeoff
from service.figures.trials import frontier_of, outcomes
from tests.service.dashboard.filled import fail, new_study, run, run_partly
from tests.service.figures.plausible import searches
from tests.service.figures.records import study_of


def test_every_figure_of_any_study_is_valid_json_for_plotly(store: Store) -> None:
    empty = new_study(store).id
    one = new_study(store, name="one").id
    run(store, one, searches(1))
    mixed = new_study(store, name="mixed", solver={"kind": "multi_fidelity"}).id
    some = list(searches(14, low_fidelity=True))
    run(store, mixed, some[:12])
    fail(store, mixed, some[12], epochs=1)
    run_partly(store, mixed, some[13], epochs=1)
    for study_id in (empty, one, mixed):
        for name in figures.NAMES:
            text = figures.build(figures.Readings(store), study_id, name, others=[one]).to_json()
            assert json.loads(go.Figure(json.loads(text)).to_json()) == json.loads(text)
            assert "NaN" not in text


def test_spent_epochs_are_positions_in_the_order_of_recording(store: Store) -> None:
    study_id = new_study(store).id
    some = list(searches(5, low_fidelity=True))
    run(store, study_id, some[:4])
    run_partly(store, study_id, some[4], epochs=1)
    epochs = store.trials.epochs_of_study(study_id)
    expected = {number: position for position, (number, _) in enumerate(epochs, start=1)}
    assert store.trials.spent_when_done(study_id) == expected
    assert store.trials.spent_when_done(new_study(store).id) == {}


def test_progress_ends_at_the_stores_best(store: Store) -> None:
    study_id = new_study(store).id
    run(store, study_id, searches(12))
    found = figures.best_so_far(figures.Readings(store).of(study_id))
    best = store.studies.best(study_id)
    assert found.rewards[-1] == best.reward
    assert found.positions[-1] == found.study.spent_epochs == 96


def test_curves_of_a_trial(store: Store) -> None:
    study_id = new_study(store).id
    run(store, study_id, searches(2))
    chart = figures.trial_curves(store, study_id, 1)
    assert {trace.name for trace in chart.data} == {"trial 1"}


def test_unknown_names_are_refused(store: Store) -> None:
    study_id = new_study(store).id
    with pytest.raises(NotFoundError, match="'pie'; expected one of progress"):
        figures.build(figures.Readings(store), study_id, "pie")
    with pytest.raises(NotFoundError):
        figures.build(figures.Readings(store), "nobody", "progress")
    with pytest.raises(NotFoundError):
        figures.build(figures.Readings(store), study_id, "compare", others=["nobody"])
    with pytest.raises(NotFoundError):
        figures.trial_curves(store, study_id, 0)


def test_figures_of_ten_thousand_trials_stay_small() -> None:
    study, trials, epochs = study_of(list(searches(10_000, low_fidelity=True)), budget_epochs=100_000)
    spent = {number: position for position, (number, _) in enumerate(epochs, start=1)}
    sizes = {
        "progress": progress.figure(study, trials, spent),
        "tradeoff": tradeoff.figure(study, trials),
        "frontier": frontier.figure(study, trials),
        "fidelity-heatmap": fidelity_heatmap.figure(study, trials),
    }
    for name, chart in sizes.items():
        assert len(chart.to_json()) < 15_000, name
    for name in ("progress", "tradeoff", "frontier"):
        assert "10,000 trials merged into" in sizes[name].layout.meta["note"]
        assert study.best is not None
        own = {data[0] for trace in sizes[name].data if trace.meta == "trials" for data in trace.customdata}
        assert study.best.number in own, name
        if name != "progress":
            assert {each.trial.number for each in frontier_of(study, outcomes(trials))} <= own
