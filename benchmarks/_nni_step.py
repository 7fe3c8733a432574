"""Steps of NNI's one-shot search on our macro-architecture, told by lines on standard input.

    python benchmarks/_nni_step.py STRATEGY CONFIGURATION

It runs in NNI's own environment and imports nothing of this project: ``benchmarks.nni_supernet`` starts it
with the macro-architecture as JSON. It prints a line when it is ready, then for each line that it reads the
wall and CPU seconds of a step.
"""

import json
import sys
import time
from typing import Any

import torch
from nni.nas.nn.pytorch import LayerChoice, ModelSpace
from nni.nas.oneshot.pytorch.supermodule.base import BaseSuperNetModule
from nni.nas.strategy import DARTS, Proxyless
from torch import nn
from torch.nn import functional

STRATEGIES = {"proxyless": Proxyless, "darts": DARTS}
_NORM_EPSILON = 1e-3


class MBConv(nn.Module):
    """Expand, depthwise, squeeze-and-excite, project."""

    def __init__(self, geometry: dict[str, Any], kernel: int, expansion: int, se_ratio: float) -> None:
        super().__init__()
        channels = geometry["in"] * expansion
        self.residual = geometry["residual"]
        self.expand = _convolution(geometry["in"], channels, 1) if expansion != 1 else nn.Identity()
        self.depthwise = _convolution(channels, channels, kernel, geometry["stride"], channels)
        squeezed = int(channels * se_ratio)
        self.squeeze = nn.Linear(channels, squeezed) if squeezed else None
        self.excite = nn.Linear(squeezed, channels) if squeezed else None
        self.project = _convolution(channels, geometry["out"], 1, activate=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x in x H x W -> N x out x H/stride x W/stride."""
        y = self.depthwise(self.expand(x))
        if self.squeeze is not None and self.excite is not None:
            scale = torch.sigmoid(self.excite(functional.relu_(self.squeeze(y.mean((2, 3))))))
            y = y * scale[:, :, None, None]
        projected: torch.Tensor = self.project(y)
        return x + projected if self.residual else projected


class Space(ModelSpace):  # type: ignore[misc]  # NNI has no types
    """The macro-architecture, with a choice of all types in each searchable layer."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        super().__init__()
        layers = configuration["layers"]
        first, *searchable, last = layers
        self.stem = _convolution(
            configuration["image_channels"], first["in"], 3, stride=configuration["stem_stride"]
        )
        self.first = MBConv(first, 3, 1, 0.0)
        self.choices = nn.Sequential(
            *(
                LayerChoice(
                    [MBConv(layer, *kind) for kind in configuration["types"]]
                    + ([nn.Identity()] if layer["residual"] else []),
                    label=f"layer_{place}",
                )
                for place, layer in enumerate(searchable)
            )
        )
        self.last = MBConv(last, 3, 6, 0.0)
        self.head = _convolution(last["out"], configuration["head_channels"], 1)
        self.classifier = nn.Linear(configuration["head_channels"], configuration["classes"])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """N x C x H x W -> N x classes."""
        features = self.head(self.last(self.choices(self.first(self.stem(images)))))
        logits: torch.Tensor = self.classifier(features.mean((2, 3)))
        return logits


def _convolution(
    in_channels: int,
    out_channels: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    *,
    activate: bool = True,
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels, eps=_NORM_EPSILON),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if activate else []))


class Search:
    """One search, whose step trains path weights and then weights, as that of NNI's module does."""

    def __init__(self, strategy: str, configuration: dict[str, Any]) -> None:
        torch.manual_seed(0)
        self._network = STRATEGIES[strategy]().mutate_model(Space(configuration)).train()
        self._mixed = [each for each in self._network.modules() if isinstance(each, BaseSuperNetModule)]
        paths = [parameter for each in self._mixed for parameter in each.arch_parameters()]
        known = {id(parameter) for parameter in paths}
        weights = [each for each in self._network.parameters() if id(each) not in known]
        self._optimizers = [torch.optim.Adam(paths, 3e-4), torch.optim.SGD(weights, 0.01, momentum=0.9)]
        batch, size = configuration["batch"], configuration["image_size"]
        images = torch.randn(batch, configuration["image_channels"], size, size)
        self._images = images.contiguous(memory_format=torch.channels_last)
        self._labels = torch.randint(0, configuration["classes"], (batch,))

    def step(self) -> None:
        """One of both levels."""
        for optimizer in self._optimizers:
            memo: dict[str, Any] = {}
            for each in self._mixed:
                memo.update(each.resample(memo))
            self._network.zero_grad()
            torch.autograd.backward(functional.cross_entropy(self._network(self._images), self._labels))
            optimizer.step()


def _main() -> None:
    strategy, text = sys.argv[1:]
    configuration = json.loads(text)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    search = Search(strategy, configuration)
    search.step()
    print("ready", torch.__version__, flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        search.step()
        print(time.perf_counter() - wall, time.process_time() - cpu, flush=True)


if __name__ == "__main__":
    _main()
