import hashlib
import json
import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from service.db.models import IdempotencyKeyRow
from service.db.store import Store
from service.domain.errors import (
    ConflictError,
    IdempotencyKeyReusedError,
    InvalidFieldError,
    NoBestTrialError,
    NotFoundError,
    PreconditionFailedError,
)
from service.domain.states import StudyState, TrialState
from tests.service import searches
from tests.service.db.helpers import new_study, queued_trial, running_trial, study_spec

EVERY_FIELD = {
    "name": "Ünïcödé 'quoted' \\ %_",
    "target_runtime_ms": 79.123456789012345,
    "platform": "my-phone",
    "solver": {"kind": "random"},
    "lambda_range": {"low": 0.25, "high": 4.0},
    "epochs": {"min": 1, "max": 3},
    "budget_epochs": 30,
    "max_parallel_trials": 7,
    "seed": 2**31 - 1,
    "search": {"batch_size": 64, "width": 0.5},
    "resources": {"cpus": 0.5, "gpus": 1},
    "tags": ["a", "日本"],
    "notes": "line\nline",
}


def test_a_new_study_holds_the_whole_spec_and_nothing_else_yet(store: Store) -> None:
    spec = study_spec(**EVERY_FIELD)
    before = datetime.now(UTC) - timedelta(seconds=1)
    study, is_new = store.studies.create(spec, warnings=["out of reach"])
    assert is_new
    assert study == store.studies.get(study.id)
    assert study.spec == spec
    assert (study.state, study.warnings) == (StudyState.PENDING, ("out of reach",))
    assert (study.spent_epochs, study.reserved_epochs, study.left_epochs) == (0, 0, 30)
    assert study.trial_counts == dict.fromkeys(TrialState, 0)
    assert (study.best, study.error) == (None, None)
    assert re.fullmatch("[A-Za-z0-9_-]+", study.id)
    assert study.created_at.tzinfo is UTC
    assert before < study.created_at <= study.updated_at < datetime.now(UTC) + timedelta(seconds=1)


def test_a_missing_study_is_not_found(store: Store) -> None:
    for call in (
        store.studies.get,
        store.studies.best,
        store.studies.delete,
        store.studies.pause,
        store.trials.list,
        store.trials.history,
        store.trials.epochs_of_study,
    ):
        for study_id in ("missing", "", "a\x00b", "\ud800", "' OR 1=1"):
            with pytest.raises(NotFoundError, match="there is no study"):
                call(study_id)


def test_the_same_idempotency_key_and_spec_give_the_same_study(store: Store) -> None:
    study, is_new = store.studies.create(study_spec(name="a"), idempotency_key="key")
    assert is_new
    store.studies.update(study.id, changes={"name": "renamed"})
    replay, is_new = store.studies.create(study_spec(name="a"), idempotency_key="key")
    assert not is_new
    assert replay == store.studies.get(study.id)
    assert len(store.studies.list().items) == 1


def test_an_idempotency_key_with_another_spec_is_refused_until_the_study_is_deleted(store: Store) -> None:
    study, _ = store.studies.create(study_spec(name="a"), idempotency_key="key")
    with pytest.raises(IdempotencyKeyReusedError):
        store.studies.create(study_spec(name="b"), idempotency_key="key")
    store.studies.cancel(study.id)
    store.studies.delete(study.id)
    assert store.studies.create(study_spec(name="b"), idempotency_key="key")[1]


FIRST_DUMP = """{
  "name": "", "target_runtime_ms": 80.0, "platform": "pixel1",
  "solver": {"kind": "bayesian", "initial_trials": 5}, "lambda_range": {"low": 0.1, "high": 10.0},
  "epochs": {"min": 2, "max": 8}, "budget_epochs": 400, "max_parallel_trials": 1, "seed": 0,
  "search": {
    "dataset": "digits", "width": 0.25, "image_size": null, "max_train_images": null, "batch_size": 32,
    "formulation": "single_path_sigmoid", "gate_placement": "after_norm", "runtime_form": "bilinear",
    "learning_rate": 0.006, "threshold_learning_rate": 0.03, "weight_decay": 1e-05, "label_smoothing": 0.0,
    "gate_keep_probability": 0.8, "warm_up": 0.625
  },
  "resources": {"cpus": 1.0, "gpus": 0.0}, "tags": [], "notes": ""
}"""
FIRST_DIGEST = "79f5982470b3cf2e678d1313b82fe2e6e7b6101327d0d9679232cdadcf4db597"


def test_a_request_may_be_repeated_across_an_upgrade(store: Store) -> None:
    """The dump of a spec of 80 ms, and its digest, as the version before time-outs and reuse stored them."""
    dump = json.dumps(json.loads(FIRST_DUMP), sort_keys=True).encode()
    assert hashlib.sha256(dump).hexdigest() == FIRST_DIGEST
    study, _ = store.studies.create(study_spec(), idempotency_key="key")
    with store._database.writing() as session:
        session.execute(update(IdempotencyKeyRow).values(digest=FIRST_DIGEST))
    for same in (study_spec(), study_spec(reuse_trials=True, trial_timeout_seconds=None)):
        assert store.studies.create(same, idempotency_key="key")[0].id == study.id
    for fields in ({"reuse_trials": False}, {"trial_timeout_seconds": 60}):
        with pytest.raises(IdempotencyKeyReusedError):
            store.studies.create(study_spec(**fields), idempotency_key="key")


def test_an_impossible_idempotency_key_is_refused(store: Store) -> None:
    for key in ("", "k" * 256, "a\x00", "\ud800"):
        with pytest.raises(InvalidFieldError, match="Idempotency-Key"):
            store.studies.create(study_spec(), idempotency_key=key)


def test_changes_are_stored_and_give_a_new_revision(store: Store) -> None:
    study = new_study(store)
    changes = {"name": "n", "tags": ["t"], "notes": "o", "budget_epochs": 500, "max_parallel_trials": 2}
    changed = store.studies.update(study.id, changes=changes, if_revision=study.revision)
    assert changed == store.studies.get(study.id)
    assert changed.spec == study.spec.model_copy(update={**changes, "tags": ("t",)})
    assert changed.revision > study.revision
    assert store.studies.update(study.id, changes=changes).revision == changed.revision
    with pytest.raises(PreconditionFailedError):
        store.studies.update(study.id, changes={"name": "m"}, if_revision=study.revision)


IMPOSSIBLE_CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"seed": 1}, "seed"),
    ({"colour": 1}, "colour"),
    ({"budget_epochs": 7}, "budget_epochs"),
    ({"budget_epochs": None}, "budget_epochs"),
    ({"max_parallel_trials": 0}, "max_parallel_trials"),
    ({"name": "a\x00"}, "name"),
    ({"tags": [""]}, "tags.0"),
]


def test_an_impossible_change_names_the_field(store: Store) -> None:
    study = new_study(store)
    for changes, field in IMPOSSIBLE_CHANGES:
        with pytest.raises(InvalidFieldError) as refused:
            store.studies.update(study.id, changes=changes)
        assert refused.value.field == field
    assert store.studies.get(study.id) == study


def test_the_budget_covers_what_is_spent_and_reserved(store: Store) -> None:
    study, lease = new_study(store, budget_epochs=100), searches.lease(store)
    searches.finished_trial(store, study.id, epochs=4)
    trial = running_trial(store, lease, study)
    store.dispatch.record_epochs(lease, trial.id, 1, [searches.epoch_report(1)])
    queued_trial(store, lease, study, epochs=3)
    found = store.studies.get(study.id)
    assert (found.spent_epochs, found.reserved_epochs, found.left_epochs) == (5, 10, 85)
    with pytest.raises(InvalidFieldError, match="the 5 epochs that are spent and the 10 that are reserved"):
        store.studies.update(study.id, changes={"budget_epochs": 14})
    assert store.studies.update(study.id, changes={"budget_epochs": 15}).left_epochs == 0


def test_a_larger_budget_sets_a_completed_study_running_again(store: Store) -> None:
    study, lease = new_study(store, budget_epochs=8), searches.lease(store)
    searches.finished_trial(store, study.id)
    assert store.dispatch.finish_study(lease, study.id, StudyState.COMPLETED)
    assert store.studies.update(study.id, changes={"name": "n"}).state is StudyState.COMPLETED
    assert store.studies.update(study.id, changes={"budget_epochs": 16}).state is StudyState.RUNNING
    assert queued_trial(store, lease, study).number == 1


def test_pause_and_resume(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    paused = store.studies.pause(study.id)
    assert paused.state is StudyState.PAUSED
    assert store.studies.pause(study.id) == paused
    assert store.studies.resume(study.id).state is StudyState.PENDING
    trial = queued_trial(store, lease, study)
    store.studies.pause(study.id)
    assert store.dispatch.start_trial(lease, trial.id, 0, "worker") is None
    resumed = store.studies.resume(study.id)
    assert resumed.state is StudyState.RUNNING
    assert store.studies.resume(study.id) == resumed
    assert store.dispatch.start_trial(lease, trial.id, 0, "worker") is not None


def test_cancel_ends_queued_trials_and_leaves_running_ones_to_the_dispatcher(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    running, queued = running_trial(store, lease, study), queued_trial(store, lease, study)
    cancelled = store.studies.cancel(study.id)
    assert cancelled.state is StudyState.CANCELLED
    assert store.studies.cancel(study.id) == cancelled
    assert store.trials.get(study.id, queued.number).state is TrialState.CANCELLED
    assert store.trials.get(study.id, queued.number).finished_at is not None
    assert store.trials.get(study.id, running.number).state is TrialState.RUNNING
    with pytest.raises(ConflictError, match="1 trial"):
        store.studies.delete(study.id)
    assert store.dispatch.requeue_trial(lease, running.id, 1, crashed=False) is TrialState.CANCELLED
    store.studies.delete(study.id)
    with pytest.raises(NotFoundError):
        store.studies.get(study.id)


@pytest.mark.parametrize("state", [StudyState.COMPLETED, StudyState.FAILED])
def test_what_has_ended_cannot_be_paused_resumed_or_cancelled(store: Store, state: StudyState) -> None:
    study = new_study(store)
    assert store.dispatch.finish_study(searches.lease(store), study.id, state, "no reason")
    ended = store.studies.get(study.id)
    for call in (store.studies.pause, store.studies.resume, store.studies.cancel):
        with pytest.raises(ConflictError, match=state):
            call(study.id)
    assert store.studies.get(study.id) == ended


def test_delete_takes_trials_and_epochs_with_it(store: Store) -> None:
    study, other = new_study(store), new_study(store)
    searches.finished_trial(store, study.id)
    searches.finished_trial(store, other.id)
    with pytest.raises(ConflictError, match="pause or cancel"):
        store.studies.delete(study.id)
    store.studies.pause(study.id)
    store.studies.delete(study.id)
    assert store.studies.list().items == (store.studies.get(other.id),)
    assert len(store.trials.epochs_of_study(other.id)) == 8


def test_list_filters_by_state_and_text(store: Store) -> None:
    paused = new_study(store, name="Alpha 50%", tags=["Grün", "x"])
    store.studies.pause(paused.id)
    other = new_study(store, name="beta", tags=["100"])

    def found(query: str = "", *states: StudyState) -> list[str]:
        return [study.id for study in store.studies.list(query=query, states=states).items]

    assert found() == [other.id, paused.id]
    assert found("", StudyState.PAUSED) == [paused.id]
    assert found("", StudyState.PAUSED, StudyState.PENDING) == [other.id, paused.id]
    assert found("ALPHA") == found("50%") == found("rün") == [paused.id]
    assert found(other.id) == found("BET") == found("100") == [other.id]
    assert found("alpha", StudyState.PENDING) == found("_") == found('","') == found("[") == []
    with pytest.raises(InvalidFieldError, match="q must not"):
        store.studies.list(query="\x00")
    with pytest.raises(InvalidFieldError, match="q must have"):
        store.studies.list(query="a" * 201)


def test_best_is_the_highest_reward_at_full_fidelity_for_any_target(store: Store) -> None:
    study, lease = new_study(store, budget_epochs=100), searches.lease(store)
    with pytest.raises(NoBestTrialError):
        store.studies.best(study.id)
    searches.finished_trial(store, study.id, epochs=4, accuracy=1.0, runtime_ms=10)
    with pytest.raises(NoBestTrialError, match="8 epochs"):
        store.studies.best(study.id)
    for accuracy, runtime_ms in [(0.9, 79), (0.95, 100), (0.9, 60), (0.7, 40)]:
        searches.finished_trial(store, study.id, accuracy=accuracy, runtime_ms=runtime_ms)
    failed = running_trial(store, lease, study)
    store.dispatch.record_epochs(
        lease, failed.id, 1, [searches.epoch_report(e, accuracy=1.0, runtime_ms=1) for e in range(1, 9)]
    )
    store.dispatch.fail_trial(lease, failed.id, 1, "late error")
    best = store.studies.best(study.id)
    assert (best.number, best.reward) == (1, 0.9)
    assert store.studies.get(study.id).best == best
    assert store.studies.best(study.id, 100).number == 2
    assert store.studies.best(study.id, 50).number == 3
    assert store.studies.best(study.id, 50).reward == 0.9 * 50 / 60
    assert store.studies.best(study.id, 40).number == 4


def test_best_refuses_an_impossible_target(store: Store) -> None:
    study = new_study(store)
    for target_ms in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InvalidFieldError, match="target_runtime_ms"):
            store.studies.best(study.id, target_ms)
