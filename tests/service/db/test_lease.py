import threading
import time

import pytest

from service.db.store import Store
from service.domain.errors import LeaseLostError
from service.domain.records import Lease
from service.domain.states import StudyState
from solver.base import Suggestion
from tests.service.db.helpers import new_study, queued_trial, running_trial
from tests.service.searches import epoch_report

SHORT = 1.0
LONG = 600.0


def acquired(store: Store, owner: str, ttl_seconds: float = LONG) -> Lease:
    lease = store.dispatch.acquire_lease(owner, ttl_seconds)
    assert lease is not None
    return lease


def test_one_holder_at_a_time(store: Store) -> None:
    lease = acquired(store, "a")
    assert store.dispatch.acquire_lease("b", LONG) is None
    assert acquired(store, "a").fence == lease.fence
    store.dispatch.release_lease(lease)
    successor = acquired(store, "b")
    assert successor.fence > lease.fence
    assert store.dispatch.acquire_lease("a", LONG) is None


def test_a_lease_that_ran_out_goes_to_the_next_who_asks(store: Store) -> None:
    first = acquired(store, "a", SHORT)
    assert store.dispatch.acquire_lease("b", LONG) is None
    time.sleep(SHORT + 0.05)
    second = acquired(store, "b")
    assert second.fence > first.fence


def test_an_owner_whose_lease_ran_out_gets_a_new_fence(store: Store) -> None:
    first = acquired(store, "a", SHORT)
    time.sleep(SHORT + 0.05)
    with pytest.raises(LeaseLostError, match="ran out"):
        store.dispatch.renew_lease(first, LONG)
    assert acquired(store, "a").fence > first.fence
    with pytest.raises(LeaseLostError, match="'a' has it now"):
        store.dispatch.renew_lease(first, LONG)


def test_renewing_keeps_the_fence_and_moves_the_end(store: Store) -> None:
    lease = acquired(store, "a", SHORT)
    renewed = store.dispatch.renew_lease(lease, LONG)
    assert renewed.fence == lease.fence
    assert renewed.expires_at > lease.expires_at
    time.sleep(SHORT + 0.05)
    assert store.dispatch.acquire_lease("b", LONG) is None


def test_releasing_a_lost_lease_does_not_take_it_from_its_new_holder(store: Store) -> None:
    lost = acquired(store, "a")
    store.dispatch.release_lease(lost)
    store.dispatch.release_lease(lost)
    acquired(store, "b")
    store.dispatch.release_lease(lost)
    assert store.dispatch.acquire_lease("c", LONG) is None


@pytest.mark.parametrize("ended_by", ["expiry", "takeover"])
def test_no_write_passes_a_lost_lease(store: Store, ended_by: str) -> None:
    lease = acquired(store, "a", LONG)
    study = new_study(store)
    queued, running = queued_trial(store, lease, study), running_trial(store, lease, study, epochs=2)
    store.dispatch.record_epochs(lease, running.id, 1, [epoch_report(1)])
    if ended_by == "takeover":
        store.dispatch.release_lease(lease)
        acquired(store, "b")
    else:
        store.dispatch.renew_lease(lease, 0.001)
        time.sleep(0.05)
    before = store.studies.get(study.id), store.trials.history(study.id)
    dispatch = store.dispatch
    for write in (
        lambda: dispatch.renew_lease(lease, LONG),
        lambda: dispatch.add_trial(lease, study.id, Suggestion(1.0, 8)),
        lambda: dispatch.start_trial(lease, queued.id, 0, "worker"),
        lambda: dispatch.record_epochs(lease, running.id, 1, [epoch_report(2)]),
        lambda: dispatch.complete_trial(lease, running.id, 1),
        lambda: dispatch.fail_trial(lease, running.id, 1, "error"),
        lambda: dispatch.requeue_trial(lease, running.id, 1, crashed=True),
        lambda: dispatch.cancel_trial(lease, running.id, 1),
        lambda: dispatch.finish_study(lease, study.id, StudyState.FAILED),
    ):
        with pytest.raises(LeaseLostError, match="'a'"):
            write()
    assert (store.studies.get(study.id), store.trials.history(study.id)) == before


def test_of_many_who_race_for_the_lease_one_gets_it(store: Store) -> None:
    for round_ in range(3):
        start = threading.Barrier(6)
        winners: list[Lease] = []

        def race(owner: str, start: threading.Barrier = start, winners: list[Lease] = winners) -> None:
            start.wait()
            if (lease := store.dispatch.acquire_lease(owner, LONG)) is not None:
                winners.append(lease)

        threads = [threading.Thread(target=race, args=(f"owner-{n}",)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(winners) == 1
        assert winners[0].fence == round_ + 1
        store.dispatch.release_lease(winners[0])


def test_the_deployment_keeps_its_name(store: Store) -> None:
    name = store.dispatch.deployment_id()
    acquired(store, "a")
    assert store.dispatch.deployment_id() == name
    assert len(name) == 16
