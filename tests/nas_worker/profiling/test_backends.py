import sys

import pytest
import torch

from nas_worker.errors import ProfileInputError
from nas_worker.profiling.backends import TorchBackend, backend_of
from nas_worker.profiling.measure import measure
from nas_worker.profiling.settings import ProfileSettings, environment
from nas_worker.profiling.subjects import subjects
from tests.nas_worker.profiling.clocked import nothing_yet

SMALL = ProfileSettings(image_size=16, width=0.25, classes=10, rounds=1, repeats=1, calibration=1)


def test_torch_runs_the_network_itself() -> None:
    subject = subjects(SMALL)[-1]
    logits = TorchBackend().prepare(subject)()
    assert isinstance(logits, torch.Tensor)
    assert logits.shape == (1, 10)
    assert logits.is_inference()


def test_onnxruntime_runs_every_network() -> None:
    pytest.importorskip("onnxruntime")
    settings = ProfileSettings.model_validate({**SMALL.model_dump(), "backend": "onnxruntime"})
    found = measure(nothing_yet(settings), backend_of(settings))
    assert found.seconds.keys() == {subject.key for subject in subjects(settings)}
    assert set(environment("onnxruntime", "CPU")) == {"machine", "device", "onnxruntime", "torch"}


def test_a_missing_onnxruntime_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(
        ProfileInputError, match=r"onnxruntime is not installed; pip install 'spnas-tuner\[export\]'"
    ):
        backend_of(ProfileSettings(backend="onnxruntime"))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_named() -> None:
    with pytest.raises(ProfileInputError, match="torch sees no GPU"):
        backend_of(ProfileSettings(backend="torch-cuda"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_runs_every_network() -> None:
    settings = ProfileSettings.model_validate({**SMALL.model_dump(), "backend": "torch-cuda"})
    found = measure(nothing_yet(settings), backend_of(settings))
    assert all(runs[0] > 0 for runs in found.seconds.values())
