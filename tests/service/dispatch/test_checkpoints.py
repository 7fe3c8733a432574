"""Which checkpoints stay and which go, in every state of a trial: in a folder, and behind a URL."""

from pathlib import Path

import pytest

from nas_worker.job import EpochReport
from service.db.store import Store
from service.dispatch.checkpoints import Checkpoints
from service.domain.records import TrialRecord
from service.domain.states import TrialState
from solver.base import Suggestion
from tests.service.dashboard.filled import begin, held_lease, new_study

ARCHITECTURE = ("3x3-3-0",) * 20
LAST = "epoch-2-attempt-2.pt"
# What kill -9 can leave: epochs that were repeated, one half-written, one of a worker that was given up.
FILES = ("epoch-1-attempt-1.pt", "epoch-2-attempt-1.pt", LAST, "epoch-2-attempt-1.partial")
SETTLE_SECONDS = 3600.0


@pytest.fixture(params=["", "local://"], ids=["path", "url"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}{tmp_path / 'checkpoints'}"


@pytest.fixture
def checkpoints(store: Store, root: str) -> Checkpoints:
    return Checkpoints(store, root, SETTLE_SECONDS)


def on_disk(location: str) -> Path:
    return Path(location.removeprefix("local://"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def write(checkpoints: Checkpoints, trial: TrialRecord) -> Path:
    folder = on_disk(checkpoints.folder(trial))
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).touch()
    return folder


def trial_in(store: Store, checkpoints: Checkpoints, study_id: str, state: TrialState) -> TrialRecord:
    """With two epochs done, whose files and others lie about."""
    lease, dispatch = held_lease(store), store.dispatch
    trial = begin(store, study_id, Suggestion(1.0, 2))
    folder = write(checkpoints, trial)
    reports = [
        EpochReport(epoch, 0.5, 0.9, 78.0, 1.0, ARCHITECTURE, f"{folder}/epoch-{epoch}-attempt-2.pt")
        for epoch in (1, 2)
    ]
    dispatch.record_epochs(lease, trial.id, trial.attempt, reports)
    match state:
        case TrialState.QUEUED:
            dispatch.requeue_trial(lease, trial.id, trial.attempt, crashed=False)
        case TrialState.COMPLETED:
            assert dispatch.complete_trial(lease, trial.id, trial.attempt)
        case TrialState.FAILED:
            assert dispatch.fail_trial(lease, trial.id, trial.attempt, "a reason")
        case TrialState.CANCELLED:
            assert dispatch.cancel_trial(lease, trial.id, trial.attempt)
    return store.trials.get(study_id, trial.number)


def expected_of(state: TrialState) -> list[str]:
    if not state.is_final:
        return sorted(FILES)
    return [LAST] if state is TrialState.COMPLETED else []


def test_after_a_takeover_only_what_a_trial_needs_stays(store: Store, checkpoints: Checkpoints) -> None:
    study = new_study(store, epochs={"min": 2, "max": 2})
    trials = {state: trial_in(store, checkpoints, study.id, state) for state in TrialState}
    checkpoints.doubt_all()
    checkpoints.sweep(60)
    found = {state: names(on_disk(checkpoints.folder(trial))) for state, trial in trials.items()}
    assert found == {state: expected_of(state) for state in TrialState}


def test_a_trial_that_is_cancelled_without_a_dispatcher_is_found(store: Store, root: str) -> None:
    checkpoints = Checkpoints(store, root, settle_seconds=0)
    study = new_study(store, epochs={"min": 2, "max": 2})
    trial = trial_in(store, checkpoints, study.id, TrialState.QUEUED)
    checkpoints.note_active([study.id])
    checkpoints.sweep(60)
    assert names(on_disk(checkpoints.folder(trial))) == sorted(FILES)
    store.studies.cancel(study.id)
    checkpoints.note_active([])
    checkpoints.sweep(60)
    assert names(on_disk(checkpoints.folder(trial))) == []


def test_workers_of_an_ended_study_are_given_time_to_end(store: Store, checkpoints: Checkpoints) -> None:
    study = new_study(store, epochs={"min": 2, "max": 2})
    trial = trial_in(store, checkpoints, study.id, TrialState.FAILED)
    checkpoints.note_active([study.id])
    checkpoints.note_active([])
    checkpoints.sweep(60)
    assert names(on_disk(checkpoints.folder(trial))) == sorted(FILES)


def test_what_the_database_does_not_know_is_left_alone(
    store: Store, checkpoints: Checkpoints, root: str
) -> None:
    study = new_study(store)
    for folder in (on_disk(root) / study.id / "trial-7", on_disk(root) / "of-another-database" / "trial-0"):
        folder.mkdir(parents=True)
        (folder / LAST).touch()
    checkpoints.doubt_all()
    checkpoints.sweep(60)
    assert names(on_disk(root)) == [LAST, LAST]


def test_a_deleted_study_is_gone_once_a_look_finds_nothing(store: Store, checkpoints: Checkpoints) -> None:
    study = new_study(store, epochs={"min": 2, "max": 2})
    trial = trial_in(store, checkpoints, study.id, TrialState.COMPLETED)
    assert not checkpoints.is_removed(study.id)
    write(checkpoints, trial)  # by a worker that was killed only now
    assert not checkpoints.is_removed(study.id)
    assert checkpoints.is_removed(study.id)
    assert not on_disk(checkpoints.folder(trial)).exists()


def test_without_any_checkpoints_there_is_nothing_to_do(store: Store, checkpoints: Checkpoints) -> None:
    study = new_study(store)
    checkpoints.doubt_all()
    checkpoints.sweep(60)
    assert checkpoints.is_removed(study.id)
