from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nas_worker.checkpoint import read_checkpoint
from nas_worker.errors import CheckpointError, DivergedError, SearchError
from nas_worker.export.weights import inherited_convnet
from nas_worker.formulations.random_rejection import RandomRejection, candidate_lengths, sample_within
from nas_worker.job import EpochReport, SearchJob
from nas_worker.platform import load_platform
from nas_worker.proxy_training import ProxyTraining
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


class Divergence:
    """Makes the trainings of some candidates diverge, told by how many were begun before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, numbers: set[int], epoch: int) -> None:
        self.begun: list[ProxyTraining] = []
        train = ProxyTraining.train

        def diverging(training: ProxyTraining, own_epoch: int, *rest: Any) -> float | None:
            if training not in self.begun:
                self.begun.append(training)
            if self.begun.index(training) in numbers and own_epoch == epoch:
                parameter = next(training.convnet.parameters())
                torch.nn.init.constant_(parameter, torch.nan)
            return train(training, own_epoch, *rest)

        monkeypatch.setattr(ProxyTraining, "train", diverging)


def test_a_candidate_that_diverges_is_left_out_with_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    divergence = Divergence(monkeypatch, {0}, epoch=2)
    reports = run(job(), tmp_path)
    first, second = RandomRejection(job()).candidates
    replacement = divergence.begun[1].convnet.architecture
    assert [training.convnet.architecture for training in divergence.begun] == [first, replacement, second]
    assert reports[0].architecture == first.format()
    assert reports[1].architecture == reports[2].architecture == replacement.format()
    assert replacement not in (first, second)
    assert all(75 <= report.runtime_ms <= 80 for report in reports)
    state = read_checkpoint(Path(str(reports[-1].checkpoint)))["state"]
    assert state["diverged"] == [{"epoch": 2, "architecture": first.format()}]
    for done in (1, 2, 3):
        monkeypatch.undo()
        Divergence(monkeypatch, {0} if done == 1 else set(), epoch=2)
        resumed = run(job(), tmp_path / str(done), reports[done - 1].checkpoint)
        assert comparable(resumed) == comparable(reports[done:])


def test_a_search_fails_when_more_diverge_than_were_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Divergence(monkeypatch, {0, 1, 2}, epoch=1)
    with pytest.raises(DivergedError, match="3 candidates of this random search diverged"):
        run(job(), tmp_path)


def test_outputs_that_are_not_finite_leave_a_candidate_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracy = ProxyTraining.accuracy
    broken = RandomRejection(job()).candidates[0]

    def failing(training: ProxyTraining) -> float:
        if training.convnet.architecture == broken:
            raise DivergedError("the network's outputs are no longer finite")
        return accuracy(training)

    monkeypatch.setattr(ProxyTraining, "accuracy", failing)
    reports = run(job(), tmp_path)
    assert [report.accuracy for report in reports[:3]] == [0.0] * 3
    assert reports[4].accuracy > 0
    state = read_checkpoint(Path(str(reports[-1].checkpoint)))["state"]
    assert state["diverged"] == [{"epoch": 3, "architecture": broken.format()}]
    with pytest.raises(DivergedError, match="outputs are no longer finite"):
        run(job(epochs=1), tmp_path / "one")


def test_a_checkpoint_has_weights_of_no_other_architecture(tmp_path: Path) -> None:
    (report,) = run(job(epochs=1), tmp_path)
    with pytest.raises(CheckpointError, match="weights of the architecture that it found, and of no other"):
        inherited_convnet(Path(str(report.checkpoint)), Architecture.uniform(LARGEST))
