from collections.abc import Iterator

import pytest

from service.domain.states import StudyState
from tests.service.dashboard.filled import Studies, fail, held_lease, new_study, run, run_partly
from tests.service.figures.plausible import searches
from tests.service.live import Live, live_service


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service for the tests of a module."""
    with live_service(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def studies(live: Live) -> Studies:
    """Studies of every kind. Tests that change one make their own."""
    store = live.store
    empty = new_study(store, name="Nothing yet").id
    single = new_study(store, name="One trial", tags=["camera"]).id
    run(store, single, searches(1, seed=3))
    busy = new_study(store, name="Busy", solver={"kind": "multi_fidelity"}, tags=["camera", "night"]).id
    some = list(searches(55, low_fidelity=True, seed=1))
    run(store, busy, some[:52])
    fail(store, busy, some[52], epochs=1)
    run_partly(store, busy, some[53], epochs=1)
    done = new_study(store, name="Done", budget_epochs=200, notes="Kept for the report.").id
    run(store, done, searches(25, seed=2))
    assert store.dispatch.finish_study(held_lease(store), done, StudyState.COMPLETED)
    return Studies(empty=empty, single=single, busy=busy, done=done, failed_trial=52, running_trial=53)
