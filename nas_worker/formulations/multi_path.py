"""The multi-path supernet (Eq. 6): every layer holds a block of each type, all of which compute."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from nas_worker.blocks import MBConv
from nas_worker.convnet import ConvNet, Network
from nas_worker.formulations.choice import INITIAL_DEVIATION, allowed_choices, likeliest
from nas_worker.space import (
    FIXED_FIRST,
    FIXED_LAST,
    LAYER_TYPES,
    MBCONV_TYPES,
    SEARCHABLE,
    Architecture,
    LayerGeometry,
    MacroArchitecture,
)


class ParallelBlocks(nn.Module):
    """The candidates of a layer, in the order of ``MBCONV_TYPES``; skip, the last one, needs no weights."""

    def __init__(self, geometry: LayerGeometry) -> None:
        super().__init__()
        self.candidates = nn.ModuleList(MBConv(geometry, kind) for kind in MBCONV_TYPES)
        self.is_skippable = geometry.residual

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """Eq. 6, the sum of all outputs.

        Args:
            x: N x in x H x W.
            weights: 13, columns as ``LAYER_TYPES``; that of skip counts where there is a residual.

        Returns:
            N x out x H/stride x W/stride.
        """
        *of_blocks, of_skip = weights.unbind()
        outputs = [
            weight * candidate(x) for weight, candidate in zip(of_blocks, self.candidates, strict=True)
        ]
        if self.is_skippable:
            outputs.append(of_skip * x)
        return torch.stack(outputs).sum(0)


class MultiPathSupernet(Network, ABC):
    """All candidates of all layers, each with weights of its own.

    Args:
        macro: Width, image size, classes.
    """

    allowed: Tensor

    def __init__(self, macro: MacroArchitecture) -> None:
        super().__init__(macro, ParallelBlocks)
        self.register_buffer("allowed", allowed_choices(), persistent=False)
        self.path_logits = nn.Parameter(INITIAL_DEVIATION * torch.randn(len(SEARCHABLE), len(LAYER_TYPES)))

    def architecture_parameters(self) -> list[nn.Parameter]:
        """One parameter for each path of each layer, 20 x 13."""
        return [self.path_logits]

    @abstractmethod
    def choices(self) -> Tensor:
        """Path weights alpha of Eq. 6, 20 x 13: rows of sum 1, and 0 where a layer cannot be skipped."""

    def type_probabilities(self, choices: Tensor) -> Tensor:
        """Probability of each of ``LAYER_TYPES``: the path weights themselves (text of Eq. 6)."""
        return choices

    def selected(self, choices: Tensor) -> Architecture:
        """The likeliest type of each layer."""
        return likeliest(choices)

    def forward(self, images: Tensor, choices: Tensor) -> Tensor:
        """Logits at given path weights.

        Args:
            images: N x C x H x W.
            choices: 20 x 13.

        Returns:
            N x classes.
        """
        features = self.blocks[FIXED_FIRST](self.apply_stem(images))
        for layer, weights in zip(SEARCHABLE, choices.unbind(), strict=True):
            features = self.blocks[layer](features, weights)
        return self.apply_head(self.blocks[FIXED_LAST](features))

    def derived(self, architecture: Architecture) -> ConvNet:
        """The ConvNet with a copy of the weights of the chosen candidates."""
        with torch.device("meta"):
            convnet = ConvNet(self.macro, architecture)
        inherited = self.state_dict()
        for layer, kind in zip(SEARCHABLE, architecture.layers, strict=True):
            if kind.is_skip:
                continue
            path = f"blocks.{layer}.candidates.{MBCONV_TYPES.index(kind)}."
            inherited |= {
                f"blocks.{layer}.{name.removeprefix(path)}": weight
                for name, weight in inherited.items()
                if name.startswith(path)
            }
        weights = {name: inherited[name].clone() for name in convnet.state_dict()}
        convnet.load_state_dict(weights, assign=True)
        return convnet
