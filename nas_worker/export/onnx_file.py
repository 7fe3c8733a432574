"""A ConvNet as an ONNX file that onnxruntime computes alike."""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nas_worker.convnet import ConvNet
from nas_worker.errors import ExportError
from nas_worker.export.document import ArchitectureDocument

INPUT, OUTPUT = "images", "logits"
DEFAULT_TOLERANCE = 1e-4
_PACKAGES = ("onnx", "onnxruntime", "onnxscript")
_BATCHES = [2, 1, 5]
"""Batch sizes: that of the export, then those of the check beside it."""
_SEED = 0


@dataclass(frozen=True, slots=True)
class OnnxCheck:
    """How onnxruntime's logits compare with torch's on random images, batches of several sizes.

    Attributes:
        max_abs_difference: Largest absolute difference of a logit.
        max_abs_logit: Largest absolute logit, to judge it by.
        images: How many images it was.
    """

    max_abs_difference: float
    max_abs_logit: float
    images: int


def require_onnx() -> None:
    """Checks that the packages of the extra ``export`` are there.

    Raises:
        ExportError: One is not; it names the command that installs them.
    """
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise ExportError(f"ONNX needs {', '.join(missing)}: pip install 'spnas-tuner[export]'")


def write_onnx(
    convnet: ConvNet, path: Path, document: ArchitectureDocument, tolerance: float = DEFAULT_TOLERANCE
) -> OnnxCheck:
    """Exports a ConvNet, checks it, and writes it: the file is there only if it computes the same.

    Input ``images``, batch x channels x size x size, normalised as in training; output ``logits``, batch x
    classes; the batch is free. The document is in the metadata, under the key ``architecture``.

    Args:
        convnet: Its weights and BatchNorm statistics are used as in evaluation; it is not changed.
        path: File to write.
        document: Of the same ConvNet.
        tolerance: Largest absolute difference of a logit that is accepted.

    Raises:
        ExportError: A package is missing, or a logit differs by more than the tolerance.
    """
    require_onnx()
    frozen = frozen_copy(convnet)
    images = random_images(convnet, sum(_BATCHES))
    model = _exported(frozen, images[: _BATCHES[0]], document)
    content: bytes = model.SerializeToString()
    check = _compared(content, frozen, images)
    if not check.max_abs_difference <= tolerance:
        raise ExportError(
            f"onnxruntime's logits differ from torch's by up to {check.max_abs_difference:.3g} "
            f"(tolerance {tolerance:g}, logits up to {check.max_abs_logit:.3g}); {path} is not written"
        )
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.replace(path)
    return check


def frozen_copy(convnet: ConvNet) -> ConvNet:
    """A copy in evaluation mode whose weights want no gradient, on the CPU."""
    return copy.deepcopy(convnet).cpu().eval().requires_grad_(False)


def random_images(convnet: ConvNet, count: int) -> Tensor:
    """Normally distributed images of the ConvNet's size, always the same ones."""
    macro = convnet.macro
    generator = torch.Generator().manual_seed(_SEED)
    size = macro.image_size
    return torch.randn(count, macro.image_channels, size, size, generator=generator)


def _exported(convnet: ConvNet, images: Tensor, document: ArchitectureDocument) -> Any:
    with _quiet_exporter():
        program = torch.onnx.export(
            convnet,
            (images,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    # Torch notes for each node where in the sources it comes from, with this machine's paths.
    for part in (
        model.graph,
        *model.graph.node,
        *model.graph.input,
        *model.graph.output,
        *model.graph.value_info,
    ):
        del part.metadata_props[:]
    entry = model.metadata_props.add()
    entry.key, entry.value = "architecture", document.to_json()
    return model


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Without torch's notes on its own parts: operators of an absent torchvision, classes to be renamed."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def _compared(content: bytes, convnet: ConvNet, images: Tensor) -> OnnxCheck:
    import onnxruntime  # noqa: PLC0415 - of the extra, and asked for only when it is used

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    difference = logit = 0.0
    for batch in torch.split(images, _BATCHES):
        with torch.no_grad():
            expected = convnet(batch)
        found = torch.from_numpy(session.run([OUTPUT], {INPUT: batch.numpy()})[0])
        # Not max() of Python: a NaN must come through.
        difference = torch.maximum((found - expected).abs().max(), torch.tensor(difference)).item()
        logit = max(logit, expected.abs().max().item())
    return OnnxCheck(difference, logit, len(images))
