import sys
from collections import Counter
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
import torch

from nas_worker.convnet import ConvNet
from nas_worker.errors import ExportError
from nas_worker.export import onnx_file
from nas_worker.export.document import ArchitectureDocument
from nas_worker.export.onnx_file import OnnxCheck, write_onnx
from nas_worker.export.torch_program import write_program
from nas_worker.export.weights import fresh_convnet
from nas_worker.space import Architecture, MacroArchitecture

VARIED = Architecture.parse(
    ["3x3-3-0", "skip", "5x5-6-0.25", "skip"] * 2 + ["5x5-3-0.5", "3x3-6-0.25", "skip", "skip"] * 3
)
MACRO = MacroArchitecture(0.25, 32, 3, 7)
DOCUMENT = ArchitectureDocument.of(VARIED, MACRO)


@pytest.fixture(scope="module")
def convnet() -> ConvNet:
    return fresh_convnet(MACRO, VARIED, 0)


@pytest.fixture(scope="module")
def exported(convnet: ConvNet, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, OnnxCheck]:
    path = tmp_path_factory.mktemp("onnx") / "net.onnx"
    return path, write_onnx(convnet, path, DOCUMENT)


def test_onnxruntime_computes_what_torch_does(convnet: ConvNet, exported: tuple[Path, OnnxCheck]) -> None:
    path, check = exported
    assert check.max_abs_difference <= 1e-4 < check.max_abs_logit
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    images = torch.randn(3, 3, 32, 32)  # another batch than that of the export
    (logits,) = session.run(["logits"], {"images": images.numpy()})
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(logits), convnet(images), rtol=1e-4, atol=1e-4)


def test_the_file_holds_the_architecture_and_no_path_of_this_machine(
    exported: tuple[Path, OnnxCheck],
) -> None:
    path, _ = exported
    model = onnx.load(path)
    onnx.checker.check_model(model)
    found = {entry.key: entry.value for entry in model.metadata_props}
    assert ArchitectureDocument.from_json(found["architecture"]) == DOCUMENT
    assert str(Path(onnx_file.__file__).parent).encode() not in path.read_bytes()
    assert [file.name for file in path.parent.iterdir()] == ["net.onnx"]


def test_convolutions_stay_convolutions_on_small_maps(exported: tuple[Path, OnnxCheck]) -> None:
    """On a CPU the search computes depthwise convolutions of small maps as products; a file must not."""
    operators = Counter(node.op_type for node in onnx.load(exported[0]).graph.node)
    blocks = sum(not layer.is_skip for layer in VARIED.layers) + 2
    assert operators["Conv"] == 1 + 3 * blocks - 1 + 1  # stem, three a block but two in layer 0, head


def test_the_network_works_on_as_before(convnet: ConvNet, exported: tuple[Path, OnnxCheck]) -> None:
    assert all(parameter.requires_grad for parameter in convnet.parameters())
    logits = fresh_convnet(MacroArchitecture(0.1, 8, 3, 2), VARIED, 0)(torch.randn(2, 3, 8, 8))
    assert type(logits) is torch.Tensor


def test_a_file_that_differs_is_not_written(convnet: ConvNet, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"differ from torch's by up to .* is not written"):
        write_onnx(convnet, tmp_path / "net.onnx", DOCUMENT, tolerance=0.0)
    assert not list(tmp_path.iterdir())


def test_logits_that_are_no_numbers_are_no_match(tmp_path: Path) -> None:
    broken = fresh_convnet(MacroArchitecture(0.1, 8, 1, 2), VARIED, 0)
    torch.nn.init.constant_(broken.classifier.bias, torch.nan)
    with pytest.raises(ExportError, match="nan"):
        write_onnx(broken, tmp_path / "net.onnx", DOCUMENT)


def test_a_missing_package_is_named_with_its_command(
    convnet: ConvNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])  # as in an environment without the extra
    for name in ("onnx", "onnxscript"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ExportError) as caught:
        write_onnx(convnet, tmp_path / "net.onnx", DOCUMENT)
    assert "pip install 'spnas-tuner[export]'" in str(caught.value)
    assert "onnxscript" in str(caught.value)


def test_a_program_computes_the_same_without_this_project(convnet: ConvNet, tmp_path: Path) -> None:
    write_program(convnet, tmp_path / "net.pt2")
    program: Any = torch.export.load(tmp_path / "net.pt2")
    ((like,), _) = program.example_inputs
    assert like.shape == (1, 3, 32, 32)
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(program.module()(images), convnet(images), rtol=1e-4, atol=1e-5)
    assert [file.name for file in tmp_path.iterdir()] == ["net.pt2"]
