"""What runs the networks of a profile: torch on the CPU or a GPU, or onnxruntime on the CPU."""

import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from nas_worker.errors import ProfileInputError
from nas_worker.heap import keep_freed_memory
from nas_worker.profiling.settings import ProfileSettings
from nas_worker.profiling.subjects import Subject

Run = Callable[[], object]


class Backend(Protocol):
    """Runs networks on one device."""

    @property
    def device(self) -> str:
        """What the networks run on, for people."""

    def prepare(self, subject: Subject) -> Run:
        """A call that runs a subject's network on a fixed input, and returns when it is done."""


def backend_of(settings: ProfileSettings) -> Backend:
    """The back end of some settings. Sets torch's threads.

    Raises:
        ProfileInputError: It is not there: onnxruntime is not installed, or there is no GPU.
    """
    torch.set_num_threads(settings.threads)
    match settings.backend:
        case "torch":
            return TorchBackend()
        case "torch-cuda":
            return CudaBackend()
        case "onnxruntime":
            return OnnxRuntimeBackend(settings.threads)


def cpu_name() -> str:
    """The CPU's model where the system tells it, else its kind."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text("utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


class TorchBackend:
    """torch's own kernels on the CPU, one after the other, in memory that stays with the process.

    Left to the system, memory makes some ConvNets up to a half slower than others that do as much, which no
    table of layers can tell.
    """

    def __init__(self) -> None:
        keep_freed_memory()

    @property
    def device(self) -> str:
        """The CPU's name."""
        return cpu_name()

    def prepare(self, subject: Subject) -> Run:
        """See :class:`Backend`."""
        return _forward(subject.build(), torch.randn(subject.input_shape))


class CudaBackend:
    """torch on the current GPU. A run ends when the GPU is done.

    Raises:
        ProfileInputError: torch sees no GPU.
    """

    def __init__(self) -> None:
        if not torch.cuda.is_available():
            raise ProfileInputError("back end torch-cuda: torch sees no GPU here")

    @property
    def device(self) -> str:
        """The GPU's name."""
        name: str = torch.cuda.get_device_name()
        return name

    def prepare(self, subject: Subject) -> Run:
        """See :class:`Backend`."""
        forward = _forward(subject.build().cuda(), torch.randn(subject.input_shape).cuda())

        def run() -> None:
            forward()
            torch.cuda.synchronize()

        return run


def _forward(network: nn.Module, images: torch.Tensor) -> Run:
    def run() -> object:
        with torch.inference_mode():
            return network(images)

    return run


class OnnxRuntimeBackend:
    """onnxruntime on the CPU, with its default optimisations.

    Args:
        threads: Threads of an operator.

    Raises:
        ProfileInputError: onnx or onnxruntime is not installed.
    """

    def __init__(self, threads: int) -> None:
        try:
            import onnxruntime  # noqa: PLC0415 - an extra

            from nas_worker.profiling.onnx_model import INPUT, onnx_model  # noqa: PLC0415 - needs onnx, an extra
        except ModuleNotFoundError as error:
            raise ProfileInputError(
                f"back end onnxruntime: {error.name} is not installed; pip install 'spnas-tuner[export]'"
            ) from error
        self._runtime, self._model, self._input = onnxruntime, onnx_model, INPUT
        self._options: Any = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = threads
        self._options.inter_op_num_threads = 1

    @property
    def device(self) -> str:
        """The CPU's name."""
        return cpu_name()

    def prepare(self, subject: Subject) -> Run:
        """See :class:`Backend`."""
        with tempfile.TemporaryDirectory() as folder:
            # A session that is given the model itself keeps it, which doubles the memory of each.
            path = Path(folder) / "network.onnx"
            path.write_bytes(self._model(subject.build(), subject.input_shape))
            session = self._runtime.InferenceSession(path, self._options, providers=["CPUExecutionProvider"])
        feeds = {self._input: torch.randn(subject.input_shape).numpy()}
        return lambda: session.run(None, feeds)
