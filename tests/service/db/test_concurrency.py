"""Real threads on one database."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection

from service.db import lease as leases
from service.db.store import Store
from service.db.transitions import touch_active_study, touch_unfinished
from service.domain.errors import ConflictError, LeaseLostError, NotFoundError
from service.domain.records import Lease, TrialRecord
from service.domain.states import StudyState, TrialState
from solver.base import Suggestion
from tests.service import searches
from tests.service.db.helpers import new_study, queued_trial, running_trial, study_spec
from tests.service.searches import epoch_report


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """The results of calls that start at the same moment, in threads."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        start.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as executor:
        return [future.result(timeout=60) for future in [executor.submit(run, call) for call in calls]]


def test_only_one_of_two_trials_gets_the_last_epochs(store: Store) -> None:
    lease = searches.lease(store)
    for _ in range(10):
        study = new_study(store, budget_epochs=8)

        def add(study_id: str = study.id) -> bool:
            return store.dispatch.add_trial(lease, study_id, Suggestion(1.0, 8)) is not None

        assert sorted(at_once(add, add, add)) == [False, False, True]
        assert store.studies.get(study.id).reserved_epochs == 8


def test_trials_that_are_added_at_once_get_different_numbers(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trials = at_once(*[lambda: queued_trial(store, lease, study)] * 6)
    assert sorted(trial.number for trial in trials) == list(range(6))
    assert len({trial.seed for trial in trials}) == 6


def test_only_one_of_several_starts_claims_a_trial(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trial = queued_trial(store, lease, study)

    def start(worker: str) -> Callable[[], Any]:
        return lambda: store.dispatch.start_trial(lease, trial.id, 0, worker)

    claims = [claim for claim in at_once(*(start(f"worker-{n}") for n in range(4))) if claim is not None]
    assert len(claims) == 1
    assert store.trials.get(study.id, 0) == claims[0]


def test_replays_from_several_threads_count_an_epoch_once(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trial = running_trial(store, lease, study)
    reports = [epoch_report(epoch) for epoch in range(1, 9)]

    def report_again_and_again() -> int:
        return sum(
            store.dispatch.record_epochs(lease, trial.id, 1, reports[: epoch + 1]) for epoch in range(8)
        )

    assert sum(at_once(*[report_again_and_again] * 4)) == 8
    assert store.studies.get(study.id).spent_epochs == 8
    assert [epoch.report for epoch in store.trials.epochs(study.id, 0)] == reports


def test_a_trial_ends_in_one_way(store: Store) -> None:
    lease = searches.lease(store)
    for _ in range(10):
        study = new_study(store)
        trial = running_trial(store, lease, study, epochs=2)
        store.dispatch.record_epochs(lease, trial.id, 1, [epoch_report(1), epoch_report(2)])
        ends = at_once(
            partial(store.dispatch.complete_trial, lease, trial.id, 1),
            partial(store.dispatch.fail_trial, lease, trial.id, 1, "error"),
            partial(store.dispatch.cancel_trial, lease, trial.id, 1),
            partial(store.dispatch.requeue_trial, lease, trial.id, 1, crashed=True),
        )
        state = store.trials.get(study.id, 0).state
        completed, failed, cancelled, requeued = map(bool, ends)
        assert completed == (state is TrialState.COMPLETED)
        assert failed == (state is TrialState.FAILED)
        assert cancelled == (state is TrialState.CANCELLED)
        if not requeued:  # one that is queued again may still be failed or cancelled
            assert completed + failed + cancelled == 1
        else:
            assert not completed


def test_two_dispatchers_never_both_write(store: Store) -> None:
    """Both take the lease whenever they can and write; the number of trials tells the writes that passed."""
    study = new_study(store, budget_epochs=1_000_000, epochs={"min": 1, "max": 1})
    written: list[int] = []
    stop = threading.Event()

    def dispatch(owner: str) -> None:
        held: Lease | None = None
        while not stop.is_set():
            held = store.dispatch.acquire_lease(owner, 0.02)  # runs out in the middle of the writes
            try:
                while held is not None and not stop.is_set():
                    trial = store.dispatch.add_trial(held, study.id, Suggestion(1.0, 1))
                    assert trial is not None
                    written.append(held.fence)
            except LeaseLostError:
                continue

    threads = [threading.Thread(target=dispatch, args=(owner,)) for owner in ("a", "b")]
    for thread in threads:
        thread.start()
    stop.wait(1.5)
    stop.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    trials = store.trials.history(study.id)
    assert [trial.number for trial in trials] == list(range(len(written)))
    assert len(set(written)) > 3  # the lease did change hands


Begin = Callable[[Connection, Lease, TrialRecord], object]
BEGINS: dict[str, Begin] = {
    "of studies": lambda connection, lease, _: leases.verify(connection, lease),
    "of a new trial": lambda connection, lease, trial: touch_active_study(connection, lease, trial.study_id),
    "of a trial": lambda connection, lease, trial: touch_unfinished(connection, lease, trial.id, 0),
}
"""What each write of the dispatcher does first."""


@pytest.mark.parametrize("begin", BEGINS.values(), ids=BEGINS.keys())
def test_a_takeover_waits_for_a_write_in_flight(store: Store, begin: Begin) -> None:
    lease = searches.lease(store)
    trial = queued_trial(store, lease, new_study(store))
    database = store.dispatch._database
    with ThreadPoolExecutor(1) as executor:
        with database.changing() as connection:
            begin(connection, lease, trial)
            release = executor.submit(store.dispatch.release_lease, lease)
            with pytest.raises(TimeoutError):
                release.result(timeout=0.3)
        release.result(timeout=10)
    assert store.dispatch.acquire_lease("heir", 600) is not None


@pytest.mark.parametrize("begin", BEGINS.values(), ids=BEGINS.keys())
def test_no_write_begins_after_a_takeover(store: Store, begin: Begin) -> None:
    lease = searches.lease(store)
    study = new_study(store)
    trial = queued_trial(store, lease, study)
    before = store.studies.get(study.id).revision
    store.dispatch.release_lease(lease)
    assert store.dispatch.acquire_lease("heir", 600) is not None
    with (
        pytest.raises(LeaseLostError, match="'heir' has it now"),
        store.dispatch._database.changing() as connection,
    ):
        begin(connection, lease, trial)
    assert store.studies.get(study.id).revision == before


def test_of_equal_requests_with_one_key_one_creates_the_study(store: Store) -> None:
    for round_ in range(5):
        answers = at_once(
            *[lambda key=f"key-{round_}": store.studies.create(study_spec(), idempotency_key=key)] * 5
        )
        assert len({study.id for study, _ in answers}) == 1
        assert sum(is_new for _, is_new in answers) == 1
    assert len(store.studies.list().items) == 5


def test_users_and_the_dispatcher_do_not_block_each_other(store: Store) -> None:
    """Every kind of write at once, on the same studies: no deadlock, no lost epoch, budgets exact."""
    lease = searches.lease(store)
    studies = [new_study(store, budget_epochs=40, epochs={"min": 1, "max": 2}) for _ in range(3)]

    def run_trials() -> None:
        for _ in range(6):
            for study in studies:
                trial = store.dispatch.add_trial(lease, study.id, Suggestion(1.0, 2))
                if trial is None or store.dispatch.start_trial(lease, trial.id, 0, "worker") is None:
                    continue
                store.dispatch.record_epochs(lease, trial.id, 1, [epoch_report(1), epoch_report(2)])
                store.dispatch.complete_trial(lease, trial.id, 1)

    def use() -> None:
        for turn in range(6):
            for study in studies:
                store.studies.update(study.id, changes={"notes": f"{threading.get_ident()} {turn}"})
                store.studies.pause(study.id)
                store.studies.get(study.id)
                store.studies.resume(study.id)

    at_once(run_trials, run_trials, use, use)
    for study in studies:
        found = store.studies.get(study.id)
        epochs = store.trials.epochs_of_study(study.id)
        assert found.spent_epochs == len(epochs) == sum(t.epochs_done for t in store.trials.history(study.id))
        assert found.spent_epochs + found.reserved_epochs <= 40


def test_a_study_is_deleted_or_gets_a_trial_but_not_both(store: Store) -> None:
    lease = searches.lease(store)
    for _ in range(8):
        study = new_study(store)
        store.studies.pause(study.id)

        def delete(study_id: str = study.id) -> bool:
            try:
                store.studies.delete(study_id)
            except ConflictError:
                return False
            return True

        def resume_and_run(study_id: str = study.id) -> bool:
            try:
                store.studies.resume(study_id)
            except NotFoundError:
                return False
            return store.dispatch.add_trial(lease, study_id, Suggestion(1.0, 8)) is not None

        deleted, ran = at_once(delete, resume_and_run)
        assert deleted != ran
    states = {study.state for study in store.studies.list().items}
    assert states <= {StudyState.RUNNING}
