"""Searches with a hinged runtime term: they land at their target."""

from pathlib import Path

import pytest
import torch

from nas_worker.checkpoint import load_checkpoint
from nas_worker.job import EpochReport, SearchJob
from nas_worker.platform import load_platform
from nas_worker.search import run_search
from nas_worker.trainer import SearchTrainer
from tests.nas_worker.jobs import comparable, small_job

PIXEL1 = load_platform("pixel1")
OVERSHOOTING = small_job(3.0, 6, hinge_target_ms=100.0)
"""Its plain search falls far below 100 ms in a few steps after the warm-up."""
SLOW = small_job(1e-3, 6, hinge_target_ms=100.0)
"""Its plain search shuts hardly a gate."""


def run(job: SearchJob) -> list[EpochReport]:
    reports: list[EpochReport] = []
    assert run_search(job, on_epoch=reports.append)
    return reports


@pytest.mark.parametrize("job", [OVERSHOOTING, SLOW], ids=["overshooting", "slow"])
def test_it_lands_just_within_its_target_and_stays_there(job: SearchJob) -> None:
    reports = run(job)
    assert 98.5 < reports[-1].runtime_ms <= 100
    assert reports[-2].architecture == reports[-1].architecture
    assert reports[2].runtime_ms > 130


def test_until_then_it_is_the_plain_search() -> None:
    plain = small_job(OVERSHOOTING.lambda_, OVERSHOOTING.epochs)
    assert comparable(run(OVERSHOOTING))[:3] == comparable(run(plain))[:3]
    assert run(plain)[-1].runtime_ms < 80


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_it_lands_in_the_shortest_searches_too(epochs: int) -> None:
    assert 59 < run(small_job(1.0, epochs, hinge_target_ms=60.0))[-1].runtime_ms <= 60


def test_a_target_below_all_architectures_gives_the_fastest() -> None:
    reports = run(small_job(3.0, 4, hinge_target_ms=PIXEL1.min_ms - 5))
    assert reports[-1].runtime_ms == pytest.approx(PIXEL1.min_ms)


def test_printed_runtime_form_lands_by_the_table_as_well() -> None:
    reports = run(small_job(3.0, 6, hinge_target_ms=70.0, runtime_form="paper"))
    assert 69 < reports[-1].runtime_ms <= 70


@pytest.mark.parametrize("job", [OVERSHOOTING, SLOW], ids=["overshooting", "slow"])
@pytest.mark.parametrize("done", [3, 4, 5])
def test_a_resumed_search_ends_bit_equal(job: SearchJob, done: int, tmp_path: Path) -> None:
    reports: list[EpochReport] = []
    assert run_search(job, on_epoch=reports.append, checkpoint_dir=tmp_path)
    resumed: list[EpochReport] = []
    run_search(
        job,
        on_epoch=resumed.append,
        checkpoint_dir=tmp_path,
        attempt=2,
        resume_from=reports[done - 1].checkpoint,
    )
    assert comparable(resumed) == comparable(reports[done:])
    states = []
    for attempt in (1, 2):
        trainer = SearchTrainer(job)
        load_checkpoint(tmp_path / f"epoch-6-attempt-{attempt}.pt", trainer)
        states.append(trainer.state_dict())
    torch.testing.assert_close(states[0], states[1], rtol=0, atol=0)
