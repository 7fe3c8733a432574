import time
from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from service.db.store import Store
from service.domain.errors import InvalidFieldError, NotFoundError
from service.domain.records import TrialSummary
from service.domain.states import TrialState
from tests.service import searches
from tests.service.db.helpers import new_study, queued_trial, running_trial
from tests.service.searches import epoch_report


def test_a_missing_trial_is_not_found(store: Store) -> None:
    study = new_study(store)
    for number in (0, -1, 2**31, 2**70):
        with pytest.raises(NotFoundError, match=f"no trial {number}"):
            store.trials.get(study.id, number)
        with pytest.raises(NotFoundError, match=f"no trial {number}"):
            store.trials.epochs(study.id, number)
    assert store.trials.history(study.id) == ()
    assert store.trials.epochs_of_study(study.id) == ()
    assert store.trials.spent_when_done(study.id) == {}


def test_trials_of_other_studies_stay_out(store: Store) -> None:
    study, other = new_study(store), new_study(store, target_runtime_ms=40)
    mine, theirs = searches.finished_trial(store, study.id), searches.finished_trial(store, other.id)
    assert store.trials.history(study.id) == store.trials.list(study.id).items == (mine,)
    assert store.trials.history(other.id) == (theirs,)
    assert (mine.reward, theirs.reward) == (0.9, 0.9 * 40 / 78)
    assert len(store.trials.epochs_of_study(study.id)) == 8


def test_summaries_are_the_trials_without_what_figures_do_not_need(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    searches.finished_trial(store, study.id)
    running = running_trial(store, lease, study)
    store.dispatch.record_epochs(lease, running.id, 1, [epoch_report(1)])
    queued_trial(store, lease, study)
    names = [field.name for field in fields(TrialSummary)]
    expected = [[getattr(trial, name) for name in names] for trial in store.trials.history(study.id)]
    found = store.trials.summaries(study.id)
    assert [[getattr(summary, name) for name in names] for summary in found] == expected
    assert [(summary.epochs_done, summary.reward) for summary in found] == [(8, 0.9), (1, None), (0, None)]
    assert store.trials.summaries(new_study(store).id) == ()
    with pytest.raises(NotFoundError):
        store.trials.summaries("nobody")


def test_filters_by_state(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    searches.finished_trial(store, study.id)
    running_trial(store, lease, study)
    queued_trial(store, lease, study)

    def numbers(*states: TrialState) -> list[int]:
        return [trial.number for trial in store.trials.list(study.id, states=states).items]

    assert numbers() == [0, 1, 2]
    assert numbers(TrialState.RUNNING) == [1]
    assert numbers(TrialState.QUEUED, TrialState.COMPLETED) == [0, 2]
    assert numbers(TrialState.FAILED) == []


def test_a_reader_that_asks_since_its_latest_trial_misses_no_change(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trials = [running_trial(store, lease, study) for _ in range(3)]
    known = {trial.number: trial for trial in store.trials.list(study.id).items}
    for epoch in range(1, 5):
        trial = trials[epoch % 3]
        done = store.trials.get(study.id, trial.number).epochs_done
        store.dispatch.record_epochs(lease, trial.id, 1, [epoch_report(done + 1)])
        since = max(trial.updated_at for trial in known.values())
        known |= {t.number: t for t in store.trials.list(study.id, updated_since=since).items}
        assert tuple(known[number] for number in range(3)) == store.trials.history(study.id)
    time.sleep(0.01)
    later = datetime.now(UTC) + timedelta(hours=1)
    assert store.trials.list(study.id, updated_since=later).items == ()
    with pytest.raises(InvalidFieldError, match="time zone"):
        store.trials.list(study.id, updated_since=datetime(2026, 1, 1))


def test_epochs_come_in_the_order_in_which_they_were_recorded(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    a, b = running_trial(store, lease, study), running_trial(store, lease, study)
    before = datetime.now(UTC) - timedelta(seconds=1)
    for trial, epoch in [(b, 1), (a, 1), (a, 2), (b, 2)]:
        store.dispatch.record_epochs(lease, trial.id, 1, [epoch_report(epoch)])
        time.sleep(0.002)
    epochs = store.trials.epochs_of_study(study.id)
    assert [(number, epoch.report.epoch) for number, epoch in epochs] == [(1, 1), (0, 1), (0, 2), (1, 2)]
    assert all(before < epoch.recorded_at < before + timedelta(minutes=1) for _, epoch in epochs)
    assert store.trials.epochs(study.id, 1) == tuple(epoch for number, epoch in epochs if number == 1)
    assert store.trials.epochs(study.id, 1)[1].report == epoch_report(2)
    assert store.trials.spent_when_done(study.id) == {0: 3, 1: 4}
