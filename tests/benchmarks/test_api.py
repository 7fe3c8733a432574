from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks._filled import fill
from benchmarks._load_plan import Measured
from benchmarks.api import figures_of, measure
from service.db.engine import opened_engine
from service.db.store import Store
from service.domain.states import StudyState, TrialState


def test_a_filled_database_reads_like_one_that_was_used(tmp_path: Path) -> None:
    with opened_engine(f"sqlite:///{tmp_path / 'spnas.db'}") as engine:
        last = fill(engine, studies=4, trials_each=2, trials_of_last=100)
        store = Store(engine)
        newest, *others = store.studies.list().items
        trials = store.trials.history(last)
        assert newest.id == last
        assert {study.state for study in (newest, *others)} == {StudyState.COMPLETED}
        assert [sum(study.trial_counts.values()) for study in others] == [2, 2, 2]
        assert newest.trial_counts[TrialState.FAILED] == 2
        assert newest.spent_epochs == sum(trial.epochs_done for trial in trials)
        assert newest.reserved_epochs == 0
        assert newest.best is not None
        assert newest.best.reward == max(trial.reward or 0 for trial in trials if trial.epochs == 8)
        assert [trial.number for trial in trials] == list(range(100))
        assert sorted(trial.updated_at for trial in trials) == [trial.updated_at for trial in trials]
        newest_trials = store.trials.list(last, updated_since=trials[90].updated_at).items
        assert [trial.number for trial in newest_trials] == list(range(90, 100))


def test_figures_of_known_times() -> None:
    measured = Measured(call="list", users=8, milliseconds=[*map(float, range(1, 102))], seconds=2)
    assert figures_of([measured]) == {
        "list_8_users_p50_ms": 51,
        "list_8_users_p99_ms": 100,
        "list_8_users_requests_per_s": 50.5,
    }


@pytest.mark.slow
@pytest.mark.skipif(find_spec("locust") is None, reason="Locust is in the extra bench")
def test_load_on_a_small_service() -> None:
    measured = measure(studies=3, trials=20, seconds=0.3)
    assert [(each.call, each.users) for each in measured] == [
        (call, users)
        for call in ("list", "get_study", "get_unchanged_study", "trial_deltas", "create")
        for users in (1, 8)
    ]
    assert all(min(each.milliseconds) > 0 for each in measured)
