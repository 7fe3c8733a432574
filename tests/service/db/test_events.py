"""What happened is written with what happens, on both databases."""

import itertools

import pytest
from sqlalchemy import text

from service.db.store import Store
from service.domain.errors import InvalidFieldError, NotFoundError
from service.domain.events import EventKind
from service.domain.records import Lease
from service.domain.states import StudyState, TrialState
from tests.service import searches
from tests.service.db.helpers import new_study, queued_trial, running_trial
from tests.service.searches import epoch_report

Line = tuple[EventKind, int | None, str | None]


def lines(store: Store, study_id: str) -> list[Line]:
    """Kind, trial and state of a study's events, oldest first, without the lease's."""
    events = store.events.list(study_id, page_size=1000).items
    return [(e.kind, e.trial, e.state) for e in reversed(events) if e.kind is not EventKind.LEASE]


def test_the_life_of_a_study_in_events(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trial = running_trial(store, lease, study, epochs=2)
    dispatch = store.dispatch
    dispatch.record_epochs(lease, trial.id, 1, [epoch_report(1)])
    lost = "Traceback\n  the worker was lost: its node died"
    assert dispatch.requeue_trial(lease, trial.id, 1, crashed=True, error=lost) is TrialState.QUEUED
    dispatch.start_trial(lease, trial.id, 1, "worker")
    assert dispatch.note_adoption(lease, trial.id, 2)
    store.studies.pause(study.id)
    store.studies.pause(study.id)
    dispatch.requeue_trial(lease, trial.id, 2, crashed=False)
    store.studies.resume(study.id)
    dispatch.start_trial(lease, trial.id, 2, "worker")
    dispatch.record_epochs(lease, trial.id, 3, [epoch_report(2)])
    dispatch.complete_trial(lease, trial.id, 3)
    store.studies.update(study.id, changes={"budget_epochs": 500, "name": "new"})
    failed = running_trial(store, lease, study)
    dispatch.fail_trial(lease, failed.id, 1, "Traceback ...\nValueError: no")
    dispatch.finish_study(lease, study.id, StudyState.COMPLETED)
    created, state = EventKind.CREATED, EventKind.STATE
    assert lines(store, study.id) == [
        (created, None, "pending"),
        (created, 0, "queued"),
        (state, None, "running"),
        (state, 0, "running"),
        (EventKind.RETRY, 0, "queued"),
        (state, 0, "running"),
        (EventKind.ADOPTED, 0, None),
        (state, None, "paused"),
        (state, 0, "queued"),
        (state, None, "running"),
        (state, 0, "running"),
        (state, 0, "completed"),
        (EventKind.BUDGET, None, None),
        (created, 1, "queued"),
        (state, 1, "running"),
        (state, 1, "failed"),
        (state, None, "completed"),
    ]
    events = store.events.list(study.id).items
    details = {(event.kind, event.trial): event.detail for event in events}
    assert details[EventKind.RETRY, 0] == "the worker was lost: its node died (lost 1 of at most 3 times)"
    assert details[EventKind.BUDGET, None] == "400 -> 500 epochs"
    assert next(e for e in events if e.state == "failed").detail == "ValueError: no"
    running = [e.attempt for e in reversed(events) if e.trial == 0 and e.state == "running"]
    assert running == [1, 2, 3]
    assert all(one.at >= other.at for one, other in itertools.pairwise(events))


def test_what_does_not_happen_leaves_no_event(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trial = running_trial(store, lease, study)
    before = store.events.list(study.id)
    dispatch = store.dispatch
    assert dispatch.start_trial(lease, trial.id, 0, "worker") is None
    assert not dispatch.fail_trial(lease, trial.id, 0, "late")
    assert not dispatch.note_adoption(lease, trial.id, 0)
    with pytest.raises(ValueError, match="cannot complete"):
        dispatch.complete_trial(lease, trial.id, 1)
    assert not dispatch.finish_study(lease, study.id, StudyState.COMPLETED)
    store.studies.resume(study.id)
    store.studies.update(study.id, changes={"name": "new"})
    with pytest.raises(InvalidFieldError):
        store.studies.update(study.id, changes={"budget_epochs": 8 - 1})
    assert store.events.list(study.id) == before


def test_cancelling_tells_of_every_queued_trial(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    running_trial(store, lease, study)
    for _ in range(3):
        queued_trial(store, lease, study)
    store.studies.cancel(study.id)
    assert lines(store, study.id)[-4:] == [
        *((EventKind.STATE, number, "cancelled") for number in (1, 2, 3)),
        (EventKind.STATE, None, "cancelled"),
    ]


def test_the_lease_is_told_to_the_studies_that_it_matters_to(store: Store) -> None:
    active, ended = new_study(store), new_study(store)
    store.studies.cancel(ended.id)
    first = store.dispatch.acquire_lease("first", 600)
    assert first is not None
    assert store.dispatch.acquire_lease("first", 600) is not None  # keeps it: nothing happened
    assert store.dispatch.acquire_lease("second", 600) is None
    store.dispatch.renew_lease(first, 0.0)
    assert store.dispatch.acquire_lease("second", 600) is not None
    store.dispatch.release_lease(first)  # which is lost: nothing happened
    second = Lease("second", first.fence + 1, first.expires_at)
    store.dispatch.release_lease(second)
    told = [e.detail for e in reversed(store.events.list(active.id).items) if e.kind is EventKind.LEASE]
    assert told == [
        "the dispatcher first began to work",
        "the dispatcher second began to work; the lease of first had run out",
        "the dispatcher second ended its work",
    ]
    assert all(e.kind is not EventKind.LEASE for e in store.events.list(ended.id).items)


def test_both_ends_of_a_retarget_know_of_it(store: Store) -> None:
    source = new_study(store)
    searches.finished_trial(store, source.id)
    new = store.studies.retarget(source.id, 60.0)
    (origin,) = store.events.list(new.id).items
    assert (origin.kind, origin.state) == (EventKind.RETARGETED, "completed")
    assert source.id in (origin.detail or "")
    newest = store.events.list(source.id).items[0]
    assert (newest.kind, newest.detail) == (EventKind.RETARGETED, f"for 60 ms, as the study {new.id}")


def test_pages_of_events_newest_first(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    for _ in range(5):
        queued_trial(store, lease, study)
    everything = store.events.list(study.id).items
    assert [event.id for event in everything] == sorted((e.id for e in everything), reverse=True)
    pages, token = [], None
    while True:
        page = store.events.list(study.id, page_size=3, page_token=token)
        pages.append(page.items)
        queued_trial(store, lease, study)  # comes before the first page, so nothing shifts
        token = page.next_page_token
        if token is None:
            break
    assert [event for page in pages for event in page] == [*everything]
    first = store.events.list(study.id, trial=3)
    assert [(e.kind, e.trial) for e in first.items] == [(EventKind.CREATED, 3)]
    assert store.events.list(study.id, trial=2**31 + 1).items == ()
    token = store.events.list(study.id, page_size=1).next_page_token
    with pytest.raises(InvalidFieldError, match="page_token"):
        store.events.list(study.id, trial=3, page_size=1, page_token=token)
    with pytest.raises(InvalidFieldError, match="page_size"):
        store.events.list(study.id, page_size=0)
    with pytest.raises(NotFoundError):
        store.events.list("missing")


def test_events_are_deleted_with_their_study(store: Store) -> None:
    study = new_study(store)
    store.studies.cancel(study.id)
    store.studies.delete(study.id)
    with store._database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM events")) == 0
