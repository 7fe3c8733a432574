"""The checks at the end of a chaos run: silent when all is well, and each notices what it is there for."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.orm import Session

from nas_worker.job import EpochReport, SearchJob
from nas_worker.platform import load_platform
from nas_worker.search import run_search
from nas_worker.search_log import log_path
from service.db.engine import opened_engine
from service.db.models import EpochRow, StudyRow, TrialRow
from service.db.store import Store
from service.domain.history import observations
from service.domain.states import StudyState, TrialState
from tests.chaos import invariants
from tests.chaos.storm import EPOCHS_PER_TRIAL, spec
from tests.service.dashboard.filled import begin, held_lease

TRIALS = 2


def completed_study(store: Store, checkpoint_dir: Path) -> str:
    """What an undisturbed deployment leaves; the searches are real."""
    study, _ = store.studies.create(spec(0, TRIALS, seed=0))
    for _ in range(TRIALS):
        trials = store.trials.history(study.id)
        suggestion = study.spec.solver.suggest(
            study.spec.problem, observations(trials), [], study.spec.budget_epochs
        )
        assert suggestion is not None
        trial = begin(store, study.id, suggestion)
        reports: list[EpochReport] = []
        folder = checkpoint_dir / study.id / f"trial-{trial.number}"
        job = SearchJob(study.spec.search, load_platform("pixel1"), trial.lambda_, trial.epochs, trial.seed)
        run_search(job, on_epoch=reports.append, checkpoint_dir=folder)
        for path in folder.iterdir():
            if str(path) != reports[-1].checkpoint:
                path.unlink()
        store.dispatch.record_epochs(held_lease(store), trial.id, 1, reports)
        assert store.dispatch.complete_trial(held_lease(store), trial.id, 1)
    assert store.dispatch.finish_study(held_lease(store), study.id, StudyState.COMPLETED)
    return study.id


@dataclass(frozen=True)
class Left:
    """What a run has left: the database, the checkpoints, and the study in it."""

    url: str
    checkpoint_dir: Path
    study_id: str


@pytest.fixture(scope="module")
def undisturbed(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Left:
    folder = tmp_path_factory.mktemp("undisturbed")
    url = f"sqlite:///{shutil.copy(migrated_sqlite, folder)}"
    with opened_engine(url) as engine:
        study_id = completed_study(Store(engine), folder / "checkpoints")
    return Left(url, folder / "checkpoints", study_id)


@pytest.fixture
def engine(undisturbed: Left, tmp_path: Path) -> Iterator[Engine]:
    """Of a copy, to be damaged."""
    source = undisturbed.url.removeprefix("sqlite:///")
    with opened_engine(f"sqlite:///{shutil.copy(source, tmp_path)}") as opened:
        yield opened


def last_trial(session: Session) -> TrialRow:
    return session.scalars(select(TrialRow).order_by(TrialRow.id.desc()).limit(1)).one()


def lose_an_epoch(session: Session) -> None:
    session.execute(delete(EpochRow).where(EpochRow.trial_id == last_trial(session).id, EpochRow.epoch == 1))


def add_an_epoch(session: Session) -> None:
    row = session.scalars(select(EpochRow).limit(1)).one()
    values = {column.name: getattr(row, column.name) for column in EpochRow.__table__.columns}
    session.execute(insert(EpochRow).values({**values, "epoch": EPOCHS_PER_TRIAL + 1}))


def lose_a_trial(session: Session) -> None:
    session.execute(delete(TrialRow).where(TrialRow.id == last_trial(session).id))


def double_a_trial(session: Session) -> None:
    lambda_ = session.scalars(select(TrialRow.lambda_).where(TrialRow.number == 0)).one()
    session.execute(update(TrialRow).where(TrialRow.number == 1).values(lambda_=lambda_))


def leave_a_trial(session: Session) -> None:
    values = {"state": TrialState.QUEUED, "finished_at": None}
    session.execute(update(TrialRow).where(TrialRow.number == 1).values(values))


def leave_the_study(session: Session) -> None:
    session.execute(update(StudyRow).values(state=StudyState.RUNNING))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lose_an_epoch, "trial 1 has epochs [2, 3, 4] of 4"),
        (add_an_epoch, "9 epochs are spent of 8"),
        (lose_a_trial, "its trials are [0], not 0 to 1"),
        (double_a_trial, "but undisturbed it is"),
        (leave_a_trial, "trial 1 is queued"),
        (leave_the_study, "it is running"),
    ],
)
def test_damage_is_noticed(
    undisturbed: Left, engine: Engine, damage: Callable[[Session], None], words: str
) -> None:
    store = Store(engine)
    assert invariants.check_study(store, undisturbed.study_id) == []
    with Session(engine) as session, session.begin():
        damage(session)
    assert any(words in fault for fault in invariants.check_study(store, undisturbed.study_id))


def test_another_outcome_is_noticed(undisturbed: Left, engine: Engine) -> None:
    store = Store(engine)
    assert invariants.check_outcome(store, undisturbed.study_id, 0) == []
    with Session(engine) as session, session.begin():
        session.execute(update(EpochRow).values(cross_entropy=EpochRow.cross_entropy + 1e-9))
    (fault,) = invariants.check_outcome(store, undisturbed.study_id, 0)
    assert "trial 0 reports" in fault


def test_checkpoints_that_are_left_or_gone_are_noticed(undisturbed: Left, engine: Engine) -> None:
    store, root = Store(engine), undisturbed.checkpoint_dir
    assert invariants.check_checkpoints(store, root) == []
    folder = root / undisturbed.study_id / "trial-0"
    checkpoint, partial = folder / "epoch-4-attempt-1.pt", folder / "epoch-1-attempt-1.partial"
    checkpoint.rename(partial)
    (root / "deleted").mkdir()
    left, gone, deleted = invariants.check_checkpoints(store, root)
    assert left == f"checkpoint {undisturbed.study_id}/trial-0/epoch-1-attempt-1.partial is left behind"
    assert gone == f"checkpoint {undisturbed.study_id}/trial-0/epoch-4-attempt-1.pt is gone"
    assert deleted == "folder deleted of a deleted study is left behind"
    (root / "deleted").rmdir()
    partial.rename(checkpoint)


def test_only_logs_of_a_trials_own_attempts_may_stay(undisturbed: Left, engine: Engine) -> None:
    folder = undisturbed.checkpoint_dir / undisturbed.study_id / "trial-0"
    own, others = log_path(folder, 1), log_path(folder, 2)
    for path in (own, others):
        path.touch()
    (left,) = invariants.check_checkpoints(Store(engine), undisturbed.checkpoint_dir)
    assert left == f"checkpoint {undisturbed.study_id}/trial-0/{others.name} is left behind"
    for path in (own, others):
        path.unlink()


def test_a_fault_that_goes_away_is_waited_for() -> None:
    answers = [["still there"], []]
    assert invariants.settled(lambda: answers.pop(0), 60) == []
    assert invariants.settled(lambda: ["stays"], 0) == ["stays"]
