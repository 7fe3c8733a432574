"""Workers whose code, or whose storage, is not simply that of the service."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nas_worker
from nas_worker.actor import WorkerInfo
from nas_worker.versions import software_versions
from service.dispatch.compatibility import other_code
from service.domain.records import StudyRecord
from service.domain.states import StudyState, TrialState
from tests.service.dispatch.conftest import Bench, wait_until
from tests.service.dispatch.helpers import assert_as_if_undisturbed, kill_worker


def test_only_other_sources_of_the_search_are_a_reason() -> None:
    ours = software_versions()
    same = WorkerInfo(1, "node", {**ours, "torch": "1.0", "spnas-tuner": "0.0.1"})
    assert other_code(same, is_embedded=False) is None
    other = WorkerInfo(1, "node-7", {**ours, "nas_worker": "abc", "spnas-tuner": "0.0.1"})
    reason = other_code(other, is_embedded=False)
    assert reason is not None
    assert "a worker on node-7 has other code" in reason
    assert "spnas-tuner 0.0.1 with sources abc there" in reason
    assert f"sources {ours['nas_worker']} here); install the service's version" in reason
    assert "restart it" in (other_code(other, is_embedded=True) or "")


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the package that workers run, to be shipped to them."""
    return shutil.copytree(Path(nas_worker.__file__).parent, tmp_path / "shipped" / "nas_worker")


@pytest.fixture
def bench_with(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts the bench's dispatcher with other settings; the next test has the usual ones."""

    def start(**settings: Any) -> None:
        bench.stop()
        monkeypatch.setattr(bench, "settings", replace(bench.settings, **settings))
        bench.start()

    yield start
    bench.stop()


def shortage_of(bench: Bench, study: StudyRecord) -> str:
    return bench.store.studies.get(study.id).shortage or ""


@pytest.mark.slow
def test_workers_with_other_code_get_no_trial_and_the_study_says_so(
    bench: Bench, bench_with: Any, shipped: Path
) -> None:
    with (shipped / "search.py").open("a") as source:
        source.write("# of another version\n")
    bench_with(ray_runtime_env={"working_dir": str(shipped.parent)})
    study = bench.create(budget_epochs=2)
    wait_until(lambda: "has other code than the service" in shortage_of(bench, study), "it is told")
    (trial,) = bench.store.trials.history(study.id)
    assert (trial.state, trial.attempt, trial.crashes) == (TrialState.QUEUED, 0, 0)
    assert bench.store.studies.get(study.id).state is StudyState.RUNNING
    bench_with(ray_runtime_env=None)
    done = bench.wait_for(study, StudyState.COMPLETED)
    assert (done.error, done.shortage) == (None, None)


@pytest.mark.slow
def test_workers_run_the_code_that_is_shipped_to_them(bench: Bench, bench_with: Any, shipped: Path) -> None:
    bench_with(ray_runtime_env={"working_dir": str(shipped.parent)})
    bench.wait_for(bench.create(budget_epochs=2), StudyState.COMPLETED)


@pytest.mark.slow
def test_a_trial_goes_on_from_a_checkpoint_behind_a_url(
    bench: Bench, bench_with: Any, tmp_path: Path
) -> None:
    bench_with(checkpoint_dir=f"local://{tmp_path}")
    study = bench.create(epochs={"min": 1, "max": 6}, budget_epochs=6)
    kill_worker(bench, bench.wait_for_epochs(study, 2))
    bench.wait_for(study, StudyState.COMPLETED)
    assert_as_if_undisturbed(bench, study)
    (kept,) = [path for path in (tmp_path / study.id).rglob("*") if path.is_file()]
    assert kept.name == "epoch-6-attempt-2.pt"
    bench.store.studies.delete(study.id)
    wait_until(lambda: not (tmp_path / study.id).exists(), "the checkpoints are gone")
