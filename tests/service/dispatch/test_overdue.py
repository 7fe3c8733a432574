"""Trials that run longer than their study allows."""

import os
import signal
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from service.dispatch import runs
from service.domain.states import StudyState, TrialState
from tests.service.dispatch.conftest import Bench, wait_until
from tests.service.dispatch.helpers import assert_as_if_undisturbed, recorded, worker_pid

pytestmark = pytest.mark.slow


def test_a_trial_that_overruns_is_stopped_and_its_epochs_stay_spent(bench: Bench) -> None:
    study = bench.create(epochs={"min": 500, "max": 500}, budget_epochs=500, trial_timeout_seconds=1e6)
    bench.wait_for_epochs(study, 1)
    bench.store.studies.update(study.id, changes={"trial_timeout_seconds": 0.25})
    wait_until(lambda: bench.store.trials.get(study.id, 0).state is TrialState.FAILED, "it is stopped")
    bench.store.studies.cancel(study.id)
    trial = bench.store.trials.get(study.id, 0)
    assert "ran longer than 0.25 s, its study's trial_timeout_seconds" in (trial.error or "")
    assert f"{trial.epochs_done} of 500 epochs" in (trial.error or "")
    assert trial.epochs_done == len(recorded(bench, study, 0)) > 0
    assert (trial.attempt, trial.worker) == (1, None)
    found = bench.store.studies.get(study.id)
    assert (found.spent_epochs, found.reserved_epochs) == (trial.epochs_done, 0)


def test_what_has_finished_while_nobody_asked_is_kept_although_it_is_overdue(
    bench: Bench, checkpoint_dir: Path
) -> None:
    study = bench.create(epochs={"min": 1, "max": 4}, budget_epochs=4)
    bench.wait_for_epochs(study, 1)
    bench.stop()
    wait_until(lambda: any((checkpoint_dir / study.id).rglob("epoch-4-*.pt")), "the last epoch is done")
    bench.store.studies.update(study.id, changes={"trial_timeout_seconds": 0.01})
    bench.start()
    bench.wait_for(study, StudyState.COMPLETED)
    assert bench.store.trials.get(study.id, 0).attempt == 1
    assert_as_if_undisturbed(bench, study)


def test_epochs_done_while_nobody_asked_are_kept_of_an_overdue_trial(
    bench: Bench, checkpoint_dir: Path
) -> None:
    study = bench.create(epochs={"min": 500, "max": 500}, budget_epochs=500)
    seen = bench.wait_for_epochs(study, 1).epochs_done
    bench.stop()
    unseen = f"epoch-{seen + 3}-*.pt"
    wait_until(lambda: any((checkpoint_dir / study.id).rglob(unseen)), "more epochs are done")
    bench.store.studies.update(study.id, changes={"trial_timeout_seconds": 0.01})
    bench.start()
    wait_until(lambda: bench.store.trials.get(study.id, 0).state is TrialState.FAILED, "it is stopped")
    bench.store.studies.cancel(study.id)
    trial = bench.store.trials.get(study.id, 0)
    assert f"{trial.epochs_done} of 500 epochs were recorded" in (trial.error or "")
    assert trial.epochs_done >= seen + 2


def test_a_worker_that_does_not_answer_is_ended_when_it_is_overdue(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = bench.create(epochs={"min": 500, "max": 500}, budget_epochs=500)
    pid = worker_pid(bench, bench.wait_for_epochs(study, 1).worker)
    bench.stop()
    monkeypatch.setattr(bench, "settings", replace(bench.settings, stop_grace_seconds=1.0))
    os.kill(pid, signal.SIGSTOP)
    bench.store.studies.update(study.id, changes={"trial_timeout_seconds": 0.01})
    bench.start()
    wait_until(lambda: bench.store.trials.get(study.id, 0).state is TrialState.FAILED, "it is stopped")
    bench.store.studies.cancel(study.id)
    bench.stop()  # the next test has the usual settings


def test_a_service_whose_clock_is_wrong_ends_no_trial(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Ahead":
            found = super().now(tz) + timedelta(days=1)
            assert isinstance(found, Ahead)
            return found

    monkeypatch.setattr(runs, "datetime", Ahead)
    study = bench.create(budget_epochs=2, trial_timeout_seconds=3600)
    bench.wait_for(study, StudyState.COMPLETED)
    assert bench.store.studies.get(study.id).trial_counts[TrialState.FAILED] == 0
