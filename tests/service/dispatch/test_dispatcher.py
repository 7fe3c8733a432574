"""The dispatcher on a real Ray cluster with real, tiny searches."""

import time
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.util import list_named_actors

from nas_worker.job import EpochReport, SearchJob
from nas_worker.platform import load_platform
from nas_worker.search import run_search
from service.advisor import Advisor
from service.domain.states import StudyState, TrialState
from solver.base import Suggestion
from solver.reward import reward
from tests.service.dispatch.conftest import Bench, wait_until
from tests.service.dispatch.helpers import (
    assert_as_if_undisturbed,
    connected,
    is_gone,
    kill_named,
    kill_worker,
    recorded,
)

pytestmark = pytest.mark.slow


def timed(bench: Bench) -> tuple[float, float]:
    """How many suggestions of random search, and gaps between trials, the dispatcher has timed."""
    assert bench.dispatcher is not None
    timings = bench.dispatcher.timings
    counts = {
        (sample.name, *sample.labels.values()): sample.value
        for histogram in (timings.suggestion_seconds, timings.gap_seconds)
        for family in histogram.collect()
        for sample in family.samples
    }
    suggestions = counts.get(("spnas_suggestion_seconds_count", "random"), 0)
    return suggestions, counts[("spnas_dispatch_gap_seconds_count",)]


def test_a_study_runs_to_its_end(bench: Bench) -> None:
    suggestions, gaps = timed(bench)
    study = bench.create(max_parallel_trials=2, epochs={"min": 1, "max": 1})
    ended = bench.wait_for(study, StudyState.COMPLETED)
    assert_as_if_undisturbed(bench, study)
    assert ended.spent_epochs == 4
    assert ended.best is not None
    suggestions_after, gaps_after = timed(bench)
    assert suggestions_after >= suggestions + 4
    assert gaps_after == gaps + 2  # the first two of the four trials follow none


def test_no_study_starves(bench: Bench) -> None:
    fields: dict[str, Any] = {"epochs": {"min": 1, "max": 1}, "budget_epochs": 3, "max_parallel_trials": 2}
    studies = [bench.create(**fields) for _ in range(3)]
    for study in studies:
        bench.wait_for(study, StudyState.COMPLETED)
    histories = [bench.store.trials.history(study.id) for study in studies]
    started = [[trial.started_at for trial in history if trial.started_at] for history in histories]
    assert all(len(times) == 3 for times in started)
    assert max(times[0] for times in started) < min(times[2] for times in started)


def test_a_killed_worker_costs_no_epoch(bench: Bench) -> None:
    study = bench.create(epochs={"min": 1, "max": 6}, budget_epochs=6)
    kill_worker(bench, bench.wait_for_epochs(study, 2))
    bench.wait_for(study, StudyState.COMPLETED)
    trial = bench.store.trials.get(study.id, 0)
    assert (trial.attempt, trial.crashes) == (2, 1)
    assert_as_if_undisturbed(bench, study)


def test_a_worker_that_dies_while_idle_is_not_held_against_the_next_trial(bench: Bench) -> None:
    first = bench.create(max_parallel_trials=2)
    names: set[str] = set()

    def ended() -> bool:
        names.update(t.worker for t in bench.store.trials.history(first.id) if t.worker is not None)
        return bench.store.studies.get(first.id).state is StudyState.COMPLETED

    wait_until(ended, "the study ends")
    idle = [name for name in names if not is_gone(bench, name)]
    assert idle
    for name in idle:
        kill_named(bench, name)
    study = bench.create(max_parallel_trials=2)
    bench.wait_for(study, StudyState.COMPLETED)
    trials = bench.store.trials.history(study.id)
    assert [(trial.attempt, trial.crashes) for trial in trials] == [(1, 0), (1, 0)]


def test_a_damaged_checkpoint_is_passed_over(bench: Bench, checkpoint_dir: Path) -> None:
    study = bench.create(epochs={"min": 1, "max": 6}, budget_epochs=6)
    kill_worker(bench, bench.wait_for_epochs(study, 3))
    for path in (checkpoint_dir / study.id).rglob("*.pt"):
        path.write_bytes(path.read_bytes()[:1000])
    bench.wait_for(study, StudyState.COMPLETED)
    assert bench.store.trials.get(study.id, 0).attempt == 2
    assert_as_if_undisturbed(bench, study)


def test_a_trial_that_loses_every_worker_fails(bench: Bench) -> None:
    study = bench.create(epochs={"min": 1, "max": 8}, budget_epochs=8)
    for attempt in (1, 2):

        def runs(attempt: int = attempt) -> bool:
            trials = bench.store.trials.history(study.id)
            return bool(trials) and (trials[0].state, trials[0].attempt) == (TrialState.RUNNING, attempt)

        wait_until(runs, f"attempt {attempt} runs")
        kill_worker(bench, bench.store.trials.get(study.id, 0))
    wait_until(lambda: bench.store.trials.get(study.id, 0).state is TrialState.FAILED, "the trial fails")
    assert "worker was lost" in (bench.store.trials.get(study.id, 0).error or "")
    bench.store.studies.cancel(study.id)


def test_the_next_dispatcher_adopts_running_trials(bench: Bench) -> None:
    study = bench.create(epochs={"min": 1, "max": 8}, budget_epochs=8)
    bench.wait_for_epochs(study, 1)
    bench.stop()
    assert bench.store.trials.get(study.id, 0).state is TrialState.RUNNING
    bench.start()
    bench.wait_for(study, StudyState.COMPLETED)
    assert bench.store.trials.get(study.id, 0).attempt == 1
    assert_as_if_undisturbed(bench, study)


def test_pause_ends_with_an_epoch_and_resume_goes_on(bench: Bench) -> None:
    study = bench.create(epochs={"min": 1, "max": 6}, budget_epochs=6)
    bench.wait_for_epochs(study, 1)
    bench.store.studies.pause(study.id)
    wait_until(lambda: bench.store.trials.get(study.id, 0).state is TrialState.QUEUED, "handed back")
    assert bench.store.studies.get(study.id).spent_epochs < 6
    bench.store.studies.resume(study.id)
    bench.wait_for(study, StudyState.COMPLETED)
    trial = bench.store.trials.get(study.id, 0)
    assert (trial.attempt, trial.crashes) == (2, 0)
    assert_as_if_undisturbed(bench, study)


def test_cancel_ends_running_trials(bench: Bench) -> None:
    study = bench.create(epochs={"min": 1, "max": 8}, budget_epochs=16, max_parallel_trials=2)
    bench.wait_for_epochs(study, 1)
    bench.store.studies.cancel(study.id)
    trials = bench.store.trials
    wait_until(
        lambda: all(t.state is TrialState.CANCELLED for t in trials.history(study.id)), "all cancelled"
    )
    now = bench.store.studies.get(study.id)
    assert now.reserved_epochs == 0
    assert now.spent_epochs == sum(len(recorded(bench, study, t.number)) for t in trials.history(study.id))


def test_a_study_whose_searches_all_diverge_fails_with_the_reason(bench: Bench) -> None:
    search = {"max_train_images": 64, "batch_size": 4, "learning_rate": 10.0}
    study = bench.create(search=search, budget_epochs=20)
    ended = bench.wait_for(study, StudyState.FAILED)
    failed = [t for t in bench.store.trials.history(study.id) if t.state is TrialState.FAILED]
    assert len(failed) == 3
    for trial in failed:
        assert "no longer finite" in (trial.error or "")
        assert "Traceback" not in (trial.error or "")
    assert "the last 3 trials all failed" in (ended.error or "")


def test_a_search_that_raises_is_not_retried(bench: Bench) -> None:
    study = bench.create(search={"max_train_images": 64, "dataset": "gone-since"}, budget_epochs=20)
    bench.wait_for(study, StudyState.FAILED)
    for trial in bench.store.trials.history(study.id):
        assert (trial.state, trial.attempt, trial.epochs_done) == (TrialState.FAILED, 1, 0)
        assert "gone-since" in (trial.error or "")


def test_waiting_for_resources_is_not_running(bench: Bench) -> None:
    study = bench.create(resources={"cpus": 64})
    wait_until(lambda: bench.store.trials.history(study.id) != (), "a trial is proposed")
    bench.wait_for(bench.create(), StudyState.COMPLETED)
    found = bench.store.studies.get(study.id)
    assert (found.trial_counts[TrialState.QUEUED], found.trial_counts[TrialState.RUNNING]) == (1, 0)
    (warning,) = found.warnings
    assert "each asks for 64 CPU cores, and no machine" in warning
    assert "(largest: 2 CPU cores)" in warning
    assert bench.store.studies.cancel(study.id).warnings == ()


# Keeps a worker's process from coming up, for as long as its node lives.
_NEVER_UP = """
import os, pathlib, sys, time
if any("default_worker" in argument for argument in sys.orig_argv):
    node = os.getppid()
    pathlib.Path(__file__).with_name("starts").touch()
    while os.getppid() == node:
        time.sleep(0.1)
"""


def test_nodes_that_die_while_a_study_waits_do_not_fail_it(bench: Bench, tmp_path: Path) -> None:
    """Ray ends the workers that wait on a node together with it."""
    (tmp_path / "sitecustomize.py").write_text(_NEVER_UP)
    dispatcher = bench.dispatcher
    assert dispatcher is not None
    wait_until(lambda: dispatcher.status.role == "active", "connected")
    idle = {actor["name"] for actor in list_named_actors(all_namespaces=True)}
    study = bench.create(resources={"cpus": 3}, budget_epochs=2)

    def named() -> set[str]:
        return {actor["name"] for actor in list_named_actors(all_namespaces=True)} - idle

    def nodes_alive() -> int:
        return sum(node["Alive"] for node in ray.nodes())  # type: ignore[no-untyped-call]

    for _ in range(3):
        node = bench.cluster.add_node(
            num_cpus=3, object_store_memory=80 << 20, env_vars={"PYTHONPATH": str(tmp_path)}
        )
        wait_until(lambda: bool(named()), "a worker is asked for")
        waiting = named()
        wait_until((tmp_path / "starts").exists, "Ray starts it on the node")
        (tmp_path / "starts").unlink()
        bench.cluster.remove_node(node, allow_graceful=False)
        wait_until(lambda: nodes_alive() == 1, "Ray notices")
        wait_until(lambda w=waiting: not w & named(), "its worker is gone")  # type: ignore[misc]
        time.sleep(0.5)
        assert bench.store.studies.get(study.id).state.is_active
    node = bench.cluster.add_node(num_cpus=3, object_store_memory=80 << 20)
    bench.wait_for(study, StudyState.COMPLETED)
    bench.cluster.remove_node(node, allow_graceful=False)
    history = bench.store.trials.history(study.id)
    assert [(trial.attempt, trial.crashes) for trial in history] == [(1, 0)], bench.story(study)


def test_a_composite_study_serves_two_targets_with_the_same_trials(bench: Bench) -> None:
    study = bench.create(target_runtime_ms=[80, 120], solver={"kind": "composite"})
    done = bench.wait_for(study, StudyState.COMPLETED)
    assert_as_if_undisturbed(bench, study)
    full = [trial for trial in bench.store.trials.history(study.id) if trial.epochs == 2]
    assert [target for target, _ in done.bests] == [80, 120]
    for target, best in done.bests:
        rewards = [reward(trial.accuracy or 0, trial.runtime_ms or 0, target) for trial in full]
        assert (best.epochs, best.reward) == (2, max(rewards))
    advisor = Advisor(bench.store)
    for target in done.spec.targets_ms:
        advice = advisor.ask(done, target).result(60)
        assert advice is not None
        assert advice.is_by_model
        assert advice.recommendation.target_ms == target
        assert advice.nearest_number in {trial.number for trial in full}
    advisor.close()


def test_only_the_last_checkpoint_is_kept(bench: Bench, checkpoint_dir: Path) -> None:
    study = bench.create(epochs={"min": 1, "max": 3}, budget_epochs=3)
    bench.wait_for(study, StudyState.COMPLETED)
    kept = sorted(path.name for path in (checkpoint_dir / study.id).rglob("*") if path.is_file())
    assert kept == ["epoch-3-attempt-1.pt", "log-attempt-1.txt"]


def test_a_second_dispatcher_stands_by(bench: Bench) -> None:
    bench.stop()
    held = bench.store.dispatch.acquire_lease("somebody else", ttl_seconds=3600)
    assert held is not None
    study = bench.create(budget_epochs=2)
    dispatcher = bench.start()
    wait_until(lambda: dispatcher.status.role == "standby", "standby")
    assert bench.store.studies.get(study.id).state is StudyState.PENDING
    bench.store.dispatch.release_lease(held)
    bench.wait_for(study, StudyState.COMPLETED)
    assert dispatcher.status.role == "active"


def test_the_hinge_target_reaches_the_search(bench: Bench) -> None:
    bench.stop()
    study = bench.create(budget_epochs=2)
    lease = bench.store.dispatch.acquire_lease("test", 60)
    assert lease is not None
    assert (
        bench.store.dispatch.add_trial(lease, study.id, Suggestion(5.0, 2, hinge_target_ms=140.0)) is not None
    )
    bench.store.dispatch.release_lease(lease)
    bench.start()
    bench.wait_for(study, StudyState.COMPLETED)
    trial = bench.store.trials.get(study.id, 0)
    reports: list[EpochReport] = []
    job = SearchJob(study.spec.search, load_platform("pixel1"), 5.0, 2, trial.seed, hinge_target_ms=140.0)
    assert run_search(job, on_epoch=reports.append)
    assert [report.cross_entropy for report in reports] == [ce for ce, _, _ in recorded(bench, study, 0)]


def test_a_search_that_takes_the_service_down_is_not_tried_for_ever(bench: Bench) -> None:
    study = bench.create(epochs={"min": 8, "max": 8}, budget_epochs=8, search={"width": 1.0})
    for attempt in (1, 2):

        def runs(attempt: int = attempt) -> bool:
            trials = bench.store.trials.history(study.id)
            return bool(trials) and (trials[0].state, trials[0].attempt) == (TrialState.RUNNING, attempt)

        wait_until(runs, f"attempt {attempt} runs")
        bench.stop()
        trial = bench.store.trials.get(study.id, 0)
        assert trial.epochs_done == 0
        with connected(bench):
            kill_worker(bench, trial)
            wait_until(lambda name=trial.worker: is_gone(bench, name), "the worker is gone")  # type: ignore[misc]
        bench.start()
    wait_until(lambda: bench.store.trials.get(study.id, 0).state is TrialState.FAILED, "the trial fails")
    bench.store.studies.cancel(study.id)
    trial = bench.store.trials.get(study.id, 0)
    assert (trial.attempt, trial.crashes) == (2, 2)
    assert "this was attempt 2, and the search may be what takes them down" in (trial.error or "")


def test_checkpoints_of_a_deleted_study_are_removed(bench: Bench, checkpoint_dir: Path) -> None:
    study = bench.create(budget_epochs=2)
    bench.wait_for(study, StudyState.COMPLETED)
    assert any((checkpoint_dir / study.id).rglob("*.pt"))
    bench.store.studies.delete(study.id)
    wait_until(lambda: not (checkpoint_dir / study.id).exists(), "the checkpoints are gone")
    wait_until(lambda: bench.store.dispatch.deleted_studies() == (), "which is remembered")
