from service.db.store import Store
from service.dispatch.planner import Planner
from service.dispatch.timings import Timings
from service.domain.states import StudyState, TrialState
from tests.service import searches
from tests.service.dashboard.filled import new_study


def test_an_answer_is_waited_for_and_taken_at_the_next_look(store: Store) -> None:
    planner, lease = Planner(store, 5, Timings()), searches.lease(store)
    study = new_study(store, epochs={"min": 2, "max": 2})
    assert not planner.wait(60), "nothing has been asked"
    assert not planner.step(lease, store.dispatch.active_studies())
    assert planner.wait(60)
    assert planner.step(lease, store.dispatch.active_studies())
    (trial,) = store.trials.history(study.id)
    assert trial.state is TrialState.QUEUED
    assert not planner.wait(60), "one trial at a time"
    planner.close()


def test_nothing_is_waited_for_once_there_is_nothing_to_propose(store: Store) -> None:
    planner, lease = Planner(store, 5, Timings()), searches.lease(store)
    study = new_study(store, epochs={"min": 2, "max": 2}, budget_epochs=2)
    searches.finished_trial(store, study.id, epochs=2)
    planner.step(lease, store.dispatch.active_studies())
    planner.wait(60)
    assert planner.step(lease, store.dispatch.active_studies())
    assert not planner.wait(60)
    assert store.studies.get(study.id).state is StudyState.COMPLETED
    planner.close()
