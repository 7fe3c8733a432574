import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.db.store import Store
from service.domain.provenance import Provenance
from service.domain.seeds import trial_seed
from service.domain.states import StudyState, TrialState
from solver.base import Suggestion
from tests.service import searches
from tests.service.db.helpers import new_study, queued_trial, running_trial
from tests.service.searches import epoch_report

MANY_EPOCHS = 10_000


def test_a_trial_from_suggestion_to_outcome(store: Store) -> None:
    study, lease = new_study(store, seed=5), searches.lease(store)
    queued = store.dispatch.add_trial(lease, study.id, Suggestion(0.5, 2, hinge_target_ms=75.0))
    assert queued is not None
    assert (queued.number, queued.state, queued.attempt) == (0, TrialState.QUEUED, 0)
    assert (queued.lambda_, queued.epochs, queued.hinge_target_ms) == (0.5, 2, 75.0)
    assert queued.seed == trial_seed(5, 0)
    assert store.studies.get(study.id).state is StudyState.RUNNING
    started = store.dispatch.start_trial(lease, queued.id, 0, "worker-1")
    assert started is not None
    assert (started.state, started.attempt, started.worker) == (TrialState.RUNNING, 1, "worker-1")
    assert started.started_at is not None
    for epoch in (1, 2):
        report = epoch_report(epoch, accuracy=0.1 * epoch, runtime_ms=100.0)
        assert store.dispatch.record_epochs(lease, queued.id, 1, [report]) == 1
        recorded = store.trials.get(study.id, 0)
        assert (recorded.epochs_done, recorded.accuracy, recorded.reward) == (epoch, None, None)
    assert store.dispatch.complete_trial(lease, queued.id, 1)
    done = store.trials.get(study.id, 0)
    assert (done.state, done.worker, done.error) == (TrialState.COMPLETED, None, None)
    assert (done.accuracy, done.runtime_ms, done.reward) == (0.2, 100.0, 0.2 * 80 / 100)
    assert done.architecture == searches.ARCHITECTURE
    assert done.finished_at is not None
    assert done.created_at <= started.started_at <= done.finished_at
    assert done.started_at == started.started_at


def test_what_a_write_returns_is_what_a_reader_sees(store: Store) -> None:
    lease = searches.lease(store)
    others = new_study(store), new_study(store)
    for other in others:  # whose epochs are not those of the trial
        running = running_trial(store, lease, other)
        store.dispatch.record_epochs(lease, running.id, 1, [epoch_report(1), epoch_report(2)])
    study = new_study(store)
    queued = queued_trial(store, lease, study)
    assert queued == store.trials.get(study.id, 0)
    started = store.dispatch.start_trial(
        lease, queued.id, 0, "a", provenance=Provenance("p", "d", "c"), identity="i", versions={"torch": "2"}
    )
    assert started == store.trials.get(study.id, 0)
    store.dispatch.record_epochs(lease, queued.id, 1, [epoch_report(1)])
    store.dispatch.requeue_trial(lease, queued.id, 1, crashed=True, error="lost")
    again = store.dispatch.start_trial(lease, queued.id, 1, "b")
    assert again is not None
    assert (again.epochs_done, again.attempt, again.crashes, again.study_id) == (1, 2, 1, study.id)
    assert again == store.trials.get(study.id, 0)


def test_trials_are_numbered_and_seeded_in_order(store: Store) -> None:
    lease = searches.lease(store)
    studies = [new_study(store, seed=1), new_study(store, seed=2)]
    trials = [queued_trial(store, lease, studies[n % 2]) for n in range(6)]
    assert [trial.number for trial in trials] == [0, 0, 1, 1, 2, 2]
    assert [trial.seed for trial in trials] == [trial_seed(1 + n % 2, n // 2) for n in range(6)]
    assert store.dispatch.unfinished_trials() == tuple(trials)


def test_no_trial_is_added_beyond_the_budget(store: Store) -> None:
    study, lease = new_study(store, budget_epochs=13, epochs={"min": 1, "max": 8}), searches.lease(store)
    first = running_trial(store, lease, study, epochs=8)
    assert store.dispatch.add_trial(lease, study.id, Suggestion(1.0, 6)) is None
    store.dispatch.record_epochs(lease, first.id, 1, [epoch_report(1), epoch_report(2)])
    assert store.dispatch.add_trial(lease, study.id, Suggestion(1.0, 6)) is None
    store.dispatch.fail_trial(lease, first.id, 1, "error")  # frees 6 and has spent 2
    assert store.dispatch.add_trial(lease, study.id, Suggestion(1.0, 8)) is not None
    assert store.dispatch.add_trial(lease, study.id, Suggestion(1.0, 4)) is None
    assert store.dispatch.add_trial(lease, study.id, Suggestion(1.0, 3)) is not None
    assert store.studies.get(study.id).left_epochs == 0


def test_no_trial_is_added_to_a_study_that_is_not_active(store: Store) -> None:
    lease = searches.lease(store)
    paused, cancelled, completed = (new_study(store) for _ in range(3))
    store.studies.pause(paused.id)
    store.studies.cancel(cancelled.id)
    store.dispatch.finish_study(lease, completed.id, StudyState.COMPLETED)
    for study_id in (paused.id, cancelled.id, completed.id, "missing"):
        assert store.dispatch.add_trial(lease, study_id, Suggestion(1.0, 8)) is None
    assert store.dispatch.active_studies() == ()


def test_a_suggestion_outside_the_ranges_is_a_fault_of_the_solver(store: Store) -> None:
    study, lease = new_study(store, lambda_range={"low": 0.1, "high": 10}), searches.lease(store)
    for suggestion in (
        Suggestion(0.09, 8),
        Suggestion(10.01, 8),
        Suggestion(float("nan"), 8),
        Suggestion(1.0, 1),
        Suggestion(1.0, 9),
        Suggestion(1.0, 8, hinge_target_ms=0.0),
        Suggestion(1.0, 8, hinge_target_ms=float("inf")),
    ):
        with pytest.raises(ValueError, match="outside the study's ranges"):
            store.dispatch.add_trial(lease, study.id, suggestion)
    assert store.trials.history(study.id) == ()
    assert queued_trial(store, lease, study, lambda_=10.000000000000002) is not None


def test_only_the_queued_trial_of_that_attempt_starts(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trial = queued_trial(store, lease, study)
    assert store.dispatch.start_trial(lease, trial.id, 1, "worker") is None
    assert store.dispatch.start_trial(lease, trial.id + 1, 0, "worker") is None
    assert store.dispatch.start_trial(lease, trial.id, 0, "worker") is not None
    assert store.dispatch.start_trial(lease, trial.id, 0, "other") is None
    assert store.dispatch.start_trial(lease, trial.id, 1, "other") is None


def test_an_epoch_is_recorded_once_and_never_past_a_gap(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trial = running_trial(store, lease, study)
    first = [epoch_report(1, accuracy=0.1), epoch_report(2, accuracy=0.2)]
    changed = [replace(report, accuracy=0.9) for report in first]
    record = store.dispatch.record_epochs
    assert record(lease, trial.id, 1, [epoch_report(2)]) == 0
    assert record(lease, trial.id, 1, []) == 0
    assert record(lease, trial.id, 1, first) == 2
    assert record(lease, trial.id, 1, changed) == 0
    assert record(lease, trial.id, 1, [epoch_report(4), epoch_report(3), *changed, epoch_report(6)]) == 2
    assert record(lease, trial.id, 1, [epoch_report(5), epoch_report(5, accuracy=0.0)]) == 1
    epochs = store.trials.epochs(study.id, 0)
    assert [epoch.report.epoch for epoch in epochs] == [1, 2, 3, 4, 5]
    assert [epoch.report for epoch in epochs[:2]] == first
    assert store.studies.get(study.id).spent_epochs == 5


def test_an_attempt_that_was_given_up_changes_nothing(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trial = running_trial(store, lease, study, epochs=2)
    dispatch = store.dispatch
    assert dispatch.record_epochs(lease, trial.id, 1, [epoch_report(1)]) == 1
    assert dispatch.requeue_trial(lease, trial.id, 1, crashed=True) is TrialState.QUEUED

    def late_messages() -> list[object]:
        return [
            dispatch.record_epochs(lease, trial.id, 1, [epoch_report(2)]),
            dispatch.complete_trial(lease, trial.id, 1),
            dispatch.requeue_trial(lease, trial.id, 1, crashed=True),
        ]

    assert late_messages() == [0, False, None]
    again = dispatch.start_trial(lease, trial.id, 1, "worker-2")
    assert again is not None
    assert (again.attempt, again.crashes, again.epochs_done) == (2, 1, 1)
    assert again.started_at == trial.started_at
    assert [*late_messages(), dispatch.fail_trial(lease, trial.id, 1, "late")] == [0, False, None, False]
    assert not dispatch.cancel_trial(lease, trial.id, 1)
    assert dispatch.record_epochs(lease, trial.id, 2, [epoch_report(1), epoch_report(2)]) == 1
    assert dispatch.complete_trial(lease, trial.id, 2)
    assert [epoch.attempt for epoch in store.trials.epochs(study.id, 0)] == [1, 2]


def test_what_has_ended_does_not_change(store: Store) -> None:
    study, lease = new_study(store, budget_epochs=1000), searches.lease(store)
    searches.finished_trial(store, study.id, epochs=2)
    failed, cancelled = running_trial(store, lease, study), queued_trial(store, lease, study)
    store.dispatch.fail_trial(lease, failed.id, 1, "error")
    store.dispatch.cancel_trial(lease, cancelled.id, 0)
    before = store.trials.history(study.id), store.studies.get(study.id)
    for trial in before[0]:
        attempt = trial.attempt
        assert store.dispatch.start_trial(lease, trial.id, attempt, "worker") is None
        assert store.dispatch.record_epochs(lease, trial.id, attempt, [epoch_report(1)]) == 0
        assert not store.dispatch.complete_trial(lease, trial.id, attempt)
        assert not store.dispatch.fail_trial(lease, trial.id, attempt, "error")
        assert not store.dispatch.cancel_trial(lease, trial.id, attempt)
        assert store.dispatch.requeue_trial(lease, trial.id, attempt, crashed=True) is None
    assert (store.trials.history(study.id), store.studies.get(study.id)) == before


def test_a_trial_completes_only_with_all_its_epochs(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trial = running_trial(store, lease, study, epochs=2)
    store.dispatch.record_epochs(lease, trial.id, 1, [epoch_report(1)])
    with pytest.raises(ValueError, match="1 of 2 epochs"):
        store.dispatch.complete_trial(lease, trial.id, 1)
    assert store.trials.get(study.id, 0).state is TrialState.RUNNING


def test_an_impossible_report_is_a_fault_of_the_worker(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trial = running_trial(store, lease, study, epochs=2)
    good, nan, inf = epoch_report(1), float("nan"), float("inf")
    for report in (
        replace(good, epoch=0),
        replace(good, epoch=3),
        replace(good, cross_entropy=nan),
        replace(good, cross_entropy=inf),
        replace(good, accuracy=1.01),
        replace(good, accuracy=nan),
        replace(good, runtime_ms=0.0),
        replace(good, runtime_ms=inf),
        replace(good, seconds=-1.0),
        replace(good, gate_margins=((0.1, inf),)),
    ):
        with pytest.raises(ValueError, match="cannot be EpochReport"):
            store.dispatch.record_epochs(lease, trial.id, 1, [good, report])
    assert store.trials.epochs(study.id, 0) == ()


def test_a_trial_that_loses_too_many_workers_fails(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trial = queued_trial(store, lease, study)
    states = []
    for attempt in range(4):
        started = store.dispatch.start_trial(lease, trial.id, attempt, "worker")
        assert started is not None
        requeued = store.dispatch.requeue_trial(
            lease, trial.id, attempt + 1, crashed=attempt != 1, max_crashes=2, error="gone\x00\ud800"
        )
        states.append(requeued)
    assert states == [TrialState.QUEUED, TrialState.QUEUED, TrialState.QUEUED, TrialState.FAILED]
    failed = store.trials.get(study.id, 0)
    assert (failed.crashes, failed.error) == (3, "gone\ufffd?")


def test_a_retry_may_have_to_wait(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trial = running_trial(store, lease, study)
    retry_at = datetime(2030, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC).astimezone()
    store.dispatch.requeue_trial(lease, trial.id, 1, crashed=True, retry_at=retry_at)
    (waiting,) = store.dispatch.unfinished_trials()
    assert waiting.retry_at == retry_at
    assert waiting.retry_at.utcoffset() == timedelta(0)
    started = store.dispatch.start_trial(lease, trial.id, 1, "worker")
    assert started is not None
    assert started.retry_at is None


def test_the_last_checkpoint(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trial = running_trial(store, lease, study)
    assert store.dispatch.last_checkpoint(trial.id) == (0, None)
    store.dispatch.record_epochs(lease, trial.id, 1, [epoch_report(1), epoch_report(2)])
    assert store.dispatch.last_checkpoint(trial.id) == (2, "checkpoint-2")
    store.dispatch.record_epochs(lease, trial.id, 1, [replace(epoch_report(3), checkpoint=None)])
    assert store.dispatch.last_checkpoint(trial.id) == (3, None)


def test_a_study_ends_once(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    running, queued = running_trial(store, lease, study, epochs=2), queued_trial(store, lease, study)
    finish = store.dispatch.finish_study
    with pytest.raises(ValueError, match="not paused"):
        finish(lease, study.id, StudyState.PAUSED)
    assert not finish(lease, study.id, StudyState.COMPLETED)
    assert finish(lease, study.id, StudyState.FAILED, "the solver failed")
    assert not finish(lease, study.id, StudyState.COMPLETED)
    assert not finish(lease, "missing", StudyState.COMPLETED)
    ended = store.studies.get(study.id)
    assert (ended.state, ended.error) == (StudyState.FAILED, "the solver failed")
    assert store.trials.get(study.id, queued.number).state is TrialState.CANCELLED
    assert store.dispatch.unfinished_trials() == (store.trials.get(study.id, running.number),)


def test_active_studies_oldest_first(store: Store) -> None:
    lease = searches.lease(store)
    pending, running, paused = (new_study(store, name=name) for name in "abc")
    queued_trial(store, lease, running)
    store.studies.pause(paused.id)
    assert [study.id for study in store.dispatch.active_studies()] == [pending.id, running.id]


def test_every_change_gives_a_new_revision_and_nothing_else_does(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    revisions = [study.revision]

    def changed() -> bool:
        revisions.append(store.studies.get(study.id).revision)
        return revisions[-1] > revisions[-2]

    trial = queued_trial(store, lease, study, epochs=2)
    assert changed()
    store.dispatch.start_trial(lease, trial.id, 0, "worker")
    assert changed()
    store.dispatch.start_trial(lease, trial.id, 0, "worker")
    assert not changed()
    store.dispatch.record_epochs(lease, trial.id, 1, [epoch_report(1)])
    assert changed()
    store.dispatch.record_epochs(lease, trial.id, 1, [epoch_report(1)])
    assert not changed()
    store.dispatch.requeue_trial(lease, trial.id, 1, crashed=False)
    assert changed()
    store.dispatch.cancel_trial(lease, trial.id, 1)
    assert changed()
    store.dispatch.finish_study(lease, study.id, StudyState.COMPLETED)
    assert changed()
    store.dispatch.finish_study(lease, study.id, StudyState.COMPLETED)
    assert not changed()


def test_a_worker_may_report_thousands_of_epochs_at_once(store: Store) -> None:
    lease = searches.lease(store)
    study = new_study(store, epochs={"min": 1, "max": MANY_EPOCHS}, budget_epochs=MANY_EPOCHS)
    trial = running_trial(store, lease, study, epochs=MANY_EPOCHS)
    reports = [epoch_report(epoch) for epoch in range(1, MANY_EPOCHS + 1)]
    assert store.dispatch.record_epochs(lease, trial.id, 1, reports) == MANY_EPOCHS
    assert store.studies.get(study.id).left_epochs == 0


def test_a_trial_says_what_its_latest_attempt_ran_with(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    trial = queued_trial(store, lease, study)
    found = []
    for attempt, code_version in enumerate(["1.0", "1.1"]):
        provenance = Provenance("abc", None, code_version)
        versions = {"torch": code_version}
        started = store.dispatch.start_trial(
            lease, trial.id, attempt, "worker", provenance=provenance, versions=versions
        )
        assert started is not None
        found.append((started.provenance, started.versions))
        store.dispatch.requeue_trial(lease, trial.id, attempt + 1, crashed=False)
    assert found == [(Provenance("abc", None, each), {"torch": each}) for each in ("1.0", "1.1")]


def test_a_study_does_not_complete_with_a_budget_that_was_just_raised(store: Store) -> None:
    study, lease = new_study(store, budget_epochs=8), searches.lease(store)
    store.studies.update(study.id, changes={"budget_epochs": 16})
    finish = store.dispatch.finish_study
    assert not finish(lease, study.id, StudyState.COMPLETED, if_budget_epochs=8)
    assert store.studies.get(study.id).state is StudyState.PENDING
    assert finish(lease, study.id, StudyState.COMPLETED, if_budget_epochs=16)


def test_an_attempt_has_its_own_start(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    first = running_trial(store, lease, study)
    assert first.started_at is not None
    assert first.attempt_started_at is not None
    store.dispatch.requeue_trial(lease, first.id, 1, crashed=False)
    again = store.dispatch.start_trial(lease, first.id, 1, "worker")
    assert again is not None
    assert again.attempt_started_at is not None
    assert again.started_at == first.started_at
    assert again.attempt_started_at >= first.attempt_started_at


def test_what_is_overdue_is_told_by_the_databases_clock(store: Store) -> None:
    lease, dispatch = searches.lease(store), store.dispatch
    never, long, short = (
        new_study(store, trial_timeout_seconds=limit, max_parallel_trials=2) for limit in (None, 1000, 0.01)
    )
    trials = [running_trial(store, lease, study) for study in (never, long, short)]
    queued_trial(store, lease, short)
    time.sleep(0.05)
    assert dispatch.overdue_trials() == {trials[2].id: 0.01}
    store.studies.update(short.id, changes={"trial_timeout_seconds": 1000})
    assert dispatch.overdue_trials() == {}
    store.studies.update(long.id, changes={"trial_timeout_seconds": 0.01})
    assert dispatch.overdue_trials() == {trials[1].id: 0.01}
    dispatch.requeue_trial(lease, trials[1].id, 1, crashed=False)
    assert dispatch.overdue_trials() == {}


def test_a_shortage_is_a_warning_while_it_lasts(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    for shortage, warnings in (("too small", ("too small",)), ("too small", ("too small",)), (None, ())):
        store.dispatch.set_shortage(lease, study.id, shortage)
        found = store.studies.get(study.id)
        assert (found.shortage, found.warnings) == (shortage, warnings)
    told = [event.detail for event in store.events.list(study.id).items if event.kind == "warning"]
    assert told == ["the engine has now what its trials ask for", "too small"]
    store.dispatch.set_shortage(lease, study.id, "too small")
    assert store.studies.cancel(study.id).warnings == ()
    store.dispatch.set_shortage(lease, study.id, "too small")
    assert store.studies.get(study.id).warnings == ()


def test_deleted_studies_are_remembered_until_their_checkpoints_are_gone(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    store.studies.cancel(study.id)
    assert store.dispatch.deleted_studies() == ()
    store.studies.delete(study.id)
    assert store.dispatch.deleted_studies() == (study.id,)
    store.dispatch.forget_deleted_study(lease, study.id)
    assert store.dispatch.deleted_studies() == ()
