from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_worker.errors import CheckpointError, SearchError
from nas_worker.export.weights import inherited_convnet
from nas_worker.formulations.random_rejection import RandomRejection, candidate_lengths, sample_within
from nas_worker.job import EpochReport, SearchJob
from nas_worker.platform import load_platform
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.search import run_search
from nas_worker.space import LARGEST, Architecture
from tests.nas_worker.jobs import comparable, small_job

PIXEL1 = load_platform("pixel1")


def job(epochs: int = 5) -> SearchJob:
    own: dict[str, Any] = {
        "formulation": "random_rejection",
        "runtime_window_ms": (75, 80),
        "candidate_epochs": 2,
    }
    return small_job(epochs=epochs, width=0.05, **own)


def run(job: SearchJob, folder: Path, resume_from: str | None = None) -> list[EpochReport]:
    reports: list[EpochReport] = []
    assert run_search(job, on_epoch=reports.append, checkpoint_dir=folder, resume_from=resume_from)
    return reports


@given(epochs=st.integers(1, 500), candidate_epochs=st.integers(1, 50))
def test_candidates_share_all_epochs_evenly(epochs: int, candidate_epochs: int) -> None:
    lengths = candidate_lengths(epochs, candidate_epochs)
    assert sum(lengths) == epochs
    assert max(lengths) - min(lengths) <= 1
    assert min(lengths) >= min(epochs, candidate_epochs)


@given(seed=st.integers(0, 2**31 - 1))
def test_samples_lie_in_the_window(seed: int) -> None:
    assert 75 <= architecture_runtime_ms(PIXEL1, sample_within(PIXEL1, 75, 80, Random(seed))) <= 80


def test_a_window_without_architectures_is_refused() -> None:
    with pytest.raises(SearchError, match=r"none of 20000 .* takes 10 to 20 ms on pixel1, but .* ms: widen"):
        sample_within(PIXEL1, 10, 20, Random(0))


def test_the_best_complete_candidate_is_kept_and_every_resume_ends_bit_equal(tmp_path: Path) -> None:
    reports = run(job(), tmp_path / "unbroken")
    first, second = (candidate.format() for candidate in RandomRejection(job()).candidates)
    assert candidate_lengths(5, 2) == [3, 2]
    assert [report.architecture for report in reports[:4]] == [first] * 4
    assert reports[3].accuracy == reports[2].accuracy
    assert reports[4].architecture == (second if reports[4].accuracy > reports[2].accuracy else first)
    assert all(75 <= report.runtime_ms <= 80 for report in reports)
    for done in (1, 3, 4):
        resumed = run(job(), tmp_path / str(done), reports[done - 1].checkpoint)
        assert comparable(resumed) == comparable(reports[done:])


def test_a_checkpoint_has_weights_of_no_other_architecture(tmp_path: Path) -> None:
    (report,) = run(job(epochs=1), tmp_path)
    with pytest.raises(CheckpointError, match="weights of the architecture that it found, and of no other"):
        inherited_convnet(Path(str(report.checkpoint)), Architecture.uniform(LARGEST))
