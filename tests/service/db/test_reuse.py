"""An identical trial is taken from the store, on both databases."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from nas_worker.versions import COMPUTING
from service.db.store import Store
from service.domain.events import EventKind
from service.domain.provenance import Provenance, TrialOrigin, identity
from service.domain.records import StudyRecord, TrialRecord
from service.domain.states import StudyState, TrialState
from solver.base import Suggestion
from tests.service import searches
from tests.service.db.helpers import new_study
from tests.service.searches import epoch_report

PROVENANCE = Provenance("platform", "data", "1.0")
VERSIONS = {"nas_worker": "hash", "torch": "2", "numpy": "2", "python": "3.12"}
SUGGESTION = Suggestion(0.5, 2, hinge_target_ms=75.0)


def added(
    store: Store,
    study: StudyRecord,
    suggestion: Suggestion = SUGGESTION,
    provenance: Provenance | None = PROVENANCE,
    versions: Mapping[str, str] = VERSIONS,
) -> TrialRecord:
    trial = store.dispatch.add_trial(searches.lease(store), study.id, suggestion, provenance, versions)
    assert trial is not None
    return trial


def finished(store: Store, study: StudyRecord, suggestion: Suggestion = SUGGESTION) -> TrialRecord:
    """A trial that ran itself."""
    trial, lease, dispatch = added(store, study, suggestion), searches.lease(store), store.dispatch
    assert trial.state is TrialState.QUEUED
    same, versions = trial.identity, VERSIONS
    dispatch.start_trial(
        lease, trial.id, 0, "worker", provenance=PROVENANCE, identity=same, versions=versions
    )
    reports = [epoch_report(epoch, accuracy=0.8) for epoch in range(1, suggestion.epochs + 1)]
    dispatch.record_epochs(lease, trial.id, 1, reports)
    assert dispatch.complete_trial(lease, trial.id, 1)
    return store.trials.get(study.id, trial.number)


def test_an_identical_trial_of_another_study_costs_nothing(store: Store) -> None:
    source = new_study(store)
    ran = finished(store, source)
    study = new_study(store, target_runtime_ms=60, budget_epochs=8)  # the target is not part of a search
    reused = added(store, study)
    assert (reused.state, reused.attempt, reused.reused_from) == (
        TrialState.COMPLETED,
        0,
        TrialOrigin(source.id, 0),
    )
    assert (reused.accuracy, reused.runtime_ms, reused.architecture) == (0.8, 78.0, ran.architecture)
    assert (reused.provenance, reused.versions) == (PROVENANCE, VERSIONS)
    found = store.studies.get(study.id)
    assert (found.spent_epochs, found.reused_epochs, found.reserved_epochs) == (0, 2, 0)
    assert (found.state, found.left_epochs) == (StudyState.RUNNING, 8)
    ours, theirs = store.trials.epochs(study.id, 0), store.trials.epochs(source.id, 0)
    assert [e.report for e in ours] == [replace(e.report, checkpoint=None) for e in theirs]
    (event,) = [e for e in store.events.list(study.id).items if e.trial == 0]
    assert (event.kind, event.state) == (EventKind.REUSED, "completed")
    assert event.detail == f"of trial 0 of the study {source.id}"
    assert store.dispatch.unfinished_trials() == ()
    assert store.studies.get(source.id).spent_epochs == 2
    assert ran.reused_from is None


@pytest.mark.parametrize(
    ("fields", "suggestion", "provenance"),
    [
        ({"reuse_trials": False}, SUGGESTION, PROVENANCE),
        ({"seed": 1}, SUGGESTION, PROVENANCE),
        ({"search": {"width": 0.5}}, SUGGESTION, PROVENANCE),
        ({}, replace(SUGGESTION, lambda_=0.5000000001), PROVENANCE),
        ({}, replace(SUGGESTION, epochs=3), PROVENANCE),
        ({}, replace(SUGGESTION, hinge_target_ms=None), PROVENANCE),
        ({}, SUGGESTION, replace(PROVENANCE, platform_hash="other")),
        ({}, SUGGESTION, replace(PROVENANCE, dataset_fingerprint="other")),
        ({"resources": {"cpus": 2}}, SUGGESTION, PROVENANCE),
        ({"resources": {"gpus": 1}}, SUGGESTION, PROVENANCE),
        ({}, SUGGESTION, replace(PROVENANCE, dataset_fingerprint=None)),
        ({}, SUGGESTION, None),
    ],
)
def test_whatever_differs_is_run(
    store: Store, fields: dict[str, Any], suggestion: Suggestion, provenance: Provenance | None
) -> None:
    finished(store, new_study(store))
    trial = added(store, new_study(store, **fields), suggestion, provenance)
    assert (trial.state, trial.reused_from) == (TrialState.QUEUED, None)


@pytest.mark.parametrize("name", COMPUTING)
def test_other_software_runs_the_trial_itself(store: Store, name: str) -> None:
    finished(store, new_study(store))
    other = added(store, new_study(store), versions={**VERSIONS, name: "other"})
    assert (other.state, other.identity is None) == (TrialState.QUEUED, False)
    unknown = added(store, new_study(store), versions={n: v for n, v in VERSIONS.items() if n != name})
    assert (unknown.state, unknown.identity) == (TrialState.QUEUED, None)


def test_what_computes_nothing_changes_no_trial(store: Store) -> None:
    finished(store, new_study(store))
    newer = replace(PROVENANCE, code_version="1.1")  # the same sources of nas_worker, see VERSIONS
    fields = {"resources": {"cpus": 0.5}}  # one thread, too
    assert added(store, new_study(store, **fields), SUGGESTION, newer).state is TrialState.COMPLETED


def test_only_completed_trials_are_reused(store: Store) -> None:
    lease, dispatch = searches.lease(store), store.dispatch
    failed = added(store, new_study(store))
    dispatch.fail_trial(lease, failed.id, 0, "error")
    assert added(store, new_study(store)).state is TrialState.QUEUED


def test_an_attempt_with_other_code_changes_what_the_trial_is(store: Store) -> None:
    lease, dispatch = searches.lease(store), store.dispatch
    trial = added(store, new_study(store))
    newer = replace(PROVENANCE, code_version="1.1")
    started = dispatch.start_trial(lease, trial.id, 0, "worker", provenance=newer, identity=None)
    assert started is not None
    assert (started.provenance, started.identity) == (newer, None)


def test_a_copy_outlives_its_source_and_names_the_trial_that_ran(store: Store) -> None:
    source, second = new_study(store), new_study(store)
    finished(store, source)
    added(store, second)
    store.studies.cancel(source.id)
    store.studies.delete(source.id)
    third = added(store, new_study(store))
    assert third.reused_from == TrialOrigin(source.id, 0)
    assert third.accuracy == 0.8


def test_a_study_takes_no_more_epochs_than_its_budget(store: Store) -> None:
    source, study = new_study(store, budget_epochs=1000), new_study(store, budget_epochs=8)
    for _ in range(6):
        finished(store, source)
    states = []
    for _ in range(6):
        trial = added(store, study)
        states.append(trial.reused_from is not None)
        if trial.state is TrialState.QUEUED:
            store.dispatch.cancel_trial(searches.lease(store), trial.id, 0)
    assert states == [True] * 4 + [False] * 2
    assert store.studies.get(study.id).reused_epochs == 8


def test_figures_give_reused_epochs_no_room(store: Store) -> None:
    source, study = new_study(store), new_study(store)
    finished(store, source)
    added(store, study)
    finished(store, study, Suggestion(0.7, 4))
    assert store.trials.spent_when_done(study.id) == {0: 0, 1: 4}
    assert store.studies.get(study.id).spent_epochs == 4


def test_a_retargeted_study_keeps_what_was_free_free(store: Store) -> None:
    source, study = new_study(store), new_study(store)
    finished(store, source)
    added(store, study)
    finished(store, study, Suggestion(0.7, 4))
    new = store.studies.retarget(study.id, 60.0)
    assert (new.spent_epochs, new.reused_epochs, new.spec.budget_epochs) == (4, 2, 8)
    assert [trial.reused_from for trial in store.trials.history(new.id)] == [TrialOrigin(source.id, 0), None]


def test_the_identity_of_a_trial_is_known_only_with_its_data() -> None:
    from service.domain.spec import StudySpec

    search = StudySpec(target_runtime_ms=80).search
    how: dict[str, Any] = {"threads": 1, "gpus": 0.0, "epochs": 8, "seed": 3, "hinge_target_ms": None}
    known = identity(search, PROVENANCE, VERSIONS, lambda_=1.0, **how)
    assert known is not None
    assert len(known) == 64
    unknown = replace(PROVENANCE, dataset_fingerprint=None)
    assert identity(search, unknown, VERSIONS, lambda_=1.0, **how) is None
