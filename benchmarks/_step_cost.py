"""One training step of each supernet and of the plain network that it is compared with.

    python -m benchmarks._step_cost NETWORK WIDTH IMAGE_SIZE BATCH STEPS

As a program (on Linux) it prints the resident memory of its process in bytes: before the network is built but
after a step of a tiny one, and the peak over its building and its steps.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas_worker.bilevel import ChoiceNetwork
from nas_worker.blocks import initialise
from nas_worker.convnet import ConvNet
from nas_worker.formulations.multi_path_softmax import SoftmaxPaths
from nas_worker.job import Precision
from nas_worker.optim import RMSPropTF, weight_groups
from nas_worker.platform import load_platform
from nas_worker.precision import autocast
from nas_worker.runtime import RuntimeModel
from nas_worker.search import torch_settings
from nas_worker.space import LARGEST, Architecture, MacroArchitecture
from nas_worker.supernet import Supernet

PLAIN, SINGLE_PATH, MULTI_PATH = "plain", "single_path", "multi_path"
NETWORKS = (PLAIN, SINGLE_PATH, MULTI_PATH)

_RATE, _THRESHOLD_RATE, _LAMBDA = 0.006, 0.03, 0.5
_CHANNELS, _CLASSES = 3, 10
_SMALLEST = 0.05, 8, 2
"""Width, image size and batch of a step that is taken first: what it imports is no network's memory."""
_STATUS, _CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
Step = Callable[[], object]


def training_step(network: str, width: float, image_size: int, batch: int) -> Step:
    """A function that trains a network for one step on the same images.

    The plain network is the largest, 5x5-6-0.5 in every layer, under cross-entropy. The supernet has all its
    gates, the runtime term and both optimisers. The multi-path one takes one step of weights at fixed path
    weights, half of what a step of its two levels costs.
    """
    macro = MacroArchitecture(width, image_size, _CHANNELS, _CLASSES)
    images, labels = random_batch(image_size, batch)
    if network == SINGLE_PATH:
        return single_path_step(macro, images, labels)
    if network == MULTI_PATH:
        paths = SoftmaxPaths(macro)
        choices = cast(ChoiceNetwork, paths).choices().detach()
        excluded = paths.architecture_parameters()
        return _of_weights(paths, lambda: paths(images, choices), labels, excluded)
    plain = ConvNet(macro, Architecture.uniform(LARGEST))
    return _of_weights(plain, lambda: plain(images), labels, [])


def random_batch(image_size: int, batch: int) -> tuple[Tensor, Tensor]:
    """Images, channels last in memory, and labels; always the same. Sets torch's seed."""
    torch.manual_seed(0)
    images = torch.randn(batch, _CHANNELS, image_size, image_size)
    images = images.contiguous(memory_format=torch.channels_last)
    return images, torch.randint(0, _CLASSES, (batch,))


def _of_weights(
    network: nn.Module, logits: Callable[[], Tensor], labels: Tensor, excluded: list[nn.Parameter]
) -> Step:
    initialise(network)
    network.train()
    optimizer = RMSPropTF(weight_groups(network, 1e-5, exclude=excluded), lr=_RATE)

    def step() -> float:
        loss = functional.cross_entropy(logits(), labels)
        value = loss.item()
        torch.autograd.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        return value

    return step


def single_path_step(
    macro: MacroArchitecture, images: Tensor, labels: Tensor, *, precision: Precision = "float32"
) -> Step:
    """A step of the supernet with all its gates, the runtime term and both optimisers."""
    context = autocast(precision, images.device)
    supernet = Supernet(macro)
    initialise(supernet)
    supernet.train()
    runtime = RuntimeModel(load_platform("pixel1"))
    weights = RMSPropTF(weight_groups(supernet, 1e-5, exclude=[supernet.thresholds]), lr=_RATE)
    # Gates stay open as they begin: the cost is that of the largest network, whatever the search would shut.
    thresholds = torch.optim.SGD([supernet.thresholds], lr=_THRESHOLD_RATE, momentum=0.9)

    def step() -> float:
        gates = supernet.gates()
        runtime_ms: Tensor = runtime(gates)
        with context:
            logits = supernet(images, gates).float()
        loss = functional.cross_entropy(logits, labels) + _LAMBDA * runtime_ms.log()
        value = loss.item()
        torch.autograd.backward(loss)
        for optimizer in (weights, thresholds):
            optimizer.step()
            optimizer.zero_grad()
        return value

    return step


def _resident_bytes(field: str) -> int:
    """VmRSS, or its peak VmHWM. Other than ``getrusage``, they know nothing of the process that forked."""
    (line,) = (row for row in _STATUS.read_text().splitlines() if row.startswith(field))
    return int(line.split()[1]) * 1024


def _main() -> None:
    network, width, *sizes = sys.argv[1:]
    image_size, batch, steps = map(int, sizes)
    with torch_settings(threads=1):
        training_step(network, *_SMALLEST)()
        before = _resident_bytes("VmRSS")
        _CLEAR_REFS.write_text(_RESET_PEAK)
        step = training_step(network, float(width), image_size, batch)
        for _ in range(steps):
            step()
    print(json.dumps({"before": before, "peak": _resident_bytes("VmHWM")}))


if __name__ == "__main__":
    _main()
