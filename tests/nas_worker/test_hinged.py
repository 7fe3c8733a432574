"""Searches with a hinged runtime term: they land at their target."""

from pathlib import Path
from typing import Any

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


@pytest.fixture(scope="module", params=[OVERSHOOTING, SLOW], ids=["overshooting", "slow"])
def unbroken(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[SearchJob, list[EpochReport]]:
    reports: list[EpochReport] = []
    folder = tmp_path_factory.mktemp("unbroken")
    assert run_search(request.param, on_epoch=reports.append, checkpoint_dir=folder)
    return request.param, reports


def test_it_lands_just_within_its_target_and_stays_there(
    unbroken: tuple[SearchJob, list[EpochReport]],
) -> None:
    _, reports = unbroken
    assert 99 <= reports[-1].runtime_ms <= 100
    assert reports[-2].architecture == reports[-1].architecture
    assert reports[2].runtime_ms > 130


def test_until_then_it_is_the_plain_search() -> None:
    """Of twelve epochs the warm-up takes six, and the landing is due in the middle of the eighth."""
    plain, hinged = run(small_job(0.1, 12)), run(small_job(0.1, 12, hinge_target_ms=100.0))
    for one, other in zip(plain[:7], hinged[:7], strict=True):
        assert other.cross_entropy == pytest.approx(one.cross_entropy, rel=1e-2)
        assert other.architecture == one.architecture
    assert plain[7].runtime_ms > 105 > hinged[7].runtime_ms
    assert run(small_job(OVERSHOOTING.lambda_, OVERSHOOTING.epochs))[-1].runtime_ms < 80


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_it_lands_in_the_shortest_searches_too(epochs: int) -> None:
    assert 59 < run(small_job(1.0, epochs, hinge_target_ms=60.0))[-1].runtime_ms <= 60


def test_a_target_below_all_architectures_gives_the_fastest() -> None:
    reports = run(small_job(3.0, 4, hinge_target_ms=PIXEL1.min_ms - 5))
    assert reports[-1].runtime_ms == pytest.approx(PIXEL1.min_ms)


def test_printed_runtime_form_lands_by_the_table_as_well() -> None:
    reports = run(small_job(3.0, 6, hinge_target_ms=70.0, runtime_form="paper"))
    assert 69 < reports[-1].runtime_ms <= 70


def final_state(job: SearchJob, report: EpochReport) -> dict[str, Any]:
    assert report.checkpoint is not None
    trainer = SearchTrainer(job)
    load_checkpoint(Path(report.checkpoint), trainer)
    return trainer.state_dict()


@pytest.mark.parametrize("done", [3, 5], ids=["before it landed", "after it landed"])
def test_a_resumed_search_ends_bit_equal(
    done: int, unbroken: tuple[SearchJob, list[EpochReport]], tmp_path: Path
) -> None:
    job, reports = unbroken
    resumed: list[EpochReport] = []
    run_search(
        job, on_epoch=resumed.append, checkpoint_dir=tmp_path, resume_from=reports[done - 1].checkpoint
    )
    assert comparable(resumed) == comparable(reports[done:])
    torch.testing.assert_close(final_state(job, resumed[-1]), final_state(job, reports[-1]), rtol=0, atol=0)
