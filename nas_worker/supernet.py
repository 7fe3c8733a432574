"""The single-path supernet: the largest network, whose superkernels hold every architecture (Sec. III-B)."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from nas_worker.convnet import ConvNet, Network
from nas_worker.space import (
    FIXED_FIRST,
    FIXED_LAST,
    GATES,
    N_SEARCHABLE,
    SEARCHABLE,
    Architecture,
    MacroArchitecture,
    is_skippable,
)
from nas_worker.super_block import GatedWeights, GatePlacement, SuperBlock
from nas_worker.superkernel import (
    Gate,
    architecture_gates,
    gate,
    gated_architecture,
    superkernel_gates,
    superkernel_margins,
)


class SuperkernelNetwork(Network):
    """All architectures in one network (Fig. 3), whatever decides its gates.

    Args:
        macro: Width, image size, classes.
        placement: See :class:`nas_worker.super_block.GatedWeights`.
    """

    skippable: Tensor

    def __init__(self, macro: MacroArchitecture, placement: GatePlacement = "after_norm") -> None:
        super().__init__(macro, SuperBlock)
        self.gated_weights = GatedWeights(list(self.super_blocks()), placement)
        skippable = torch.tensor([is_skippable(layer) for layer in SEARCHABLE])
        self.register_buffer("skippable", skippable, persistent=False)

    def super_blocks(self) -> Iterator[SuperBlock]:
        """The 20 searchable blocks in order."""
        for block in self.blocks:
            if isinstance(block, SuperBlock):
                yield block

    def forward(self, images: Tensor, gates: Tensor) -> Tensor:
        """Logits at given gates.

        Args:
            images: N x C x H x W.
            gates: 20 x 5, columns as in ``space.GATES``.

        Returns:
            N x classes.
        """
        features = self.blocks[FIXED_FIRST](self.apply_stem(images))
        for block, parts in zip(self.super_blocks(), self.gated_weights(gates), strict=True):
            features = block.gated(features, parts)
        return self.apply_head(self.blocks[FIXED_LAST](features))


class Supernet(SuperkernelNetwork):
    """The network whose gates follow from its own weights and from thresholds (Eqs. 2-4).

    Args:
        macro: Width, image size, classes.
        placement: See :class:`nas_worker.super_block.GatedWeights`.
        gate: How a gate follows from a norm and a threshold.
    """

    part_sizes: Tensor

    def __init__(
        self, macro: MacroArchitecture, placement: GatePlacement = "after_norm", gate: Gate = gate
    ) -> None:
        super().__init__(macro, placement)
        self._gate = gate
        self.thresholds = nn.Parameter(torch.zeros(N_SEARCHABLE, len(GATES)))
        self.register_buffer("part_sizes", self.gated_weights.part_sizes(), persistent=False)

    def gates(self, keep: Tensor | None = None) -> Tensor:
        """Gates of all layers, 20 x 5; ``keep`` is their dropout as in ``superkernel_gates``."""
        return superkernel_gates(
            self.gated_weights.squares(),
            self.part_sizes,
            self.thresholds,
            keep,
            self.skippable,
            gate=self._gate,
        )

    @torch.no_grad()
    def margins(self) -> Tensor:
        """How far the norms behind the gates lie above their thresholds, 20 x 5."""
        return superkernel_margins(self.gated_weights.squares(), self.part_sizes, self.thresholds)

    @torch.no_grad()
    def architecture(self) -> Architecture:
        """The architecture that the gates select now."""
        return gated_architecture(self.gates())

    @torch.no_grad()
    def fix(self, architecture: Architecture) -> None:
        """Makes the gates select this architecture for good, by infinite thresholds.

        The sigmoid's slope is zero there, so no gradient moves them or, through them, the norms any more.
        """
        is_open = architecture_gates(architecture).to(self.thresholds.device) > 0
        self.thresholds.copy_(torch.where(is_open, -torch.inf, torch.inf))

    @property
    def is_fixed(self) -> bool:
        """Whether ``fix`` was called."""
        return bool(self.thresholds.isinf().all())


def derive(supernet: SuperkernelNetwork, architecture: Architecture) -> ConvNet:
    """The ConvNet of an architecture with a copy of the supernet's weights and BatchNorm statistics.

    At these gates both are the same function in evaluation mode.
    """
    with torch.device("meta"):
        convnet = ConvNet(supernet.macro, architecture)
    inherited = supernet.state_dict()
    weights = {
        name: _part(inherited[name], like.shape).clone() for name, like in convnet.state_dict().items()
    }
    convnet.load_state_dict(weights, assign=True)
    return convnet


def _part(weight: Tensor, shape: torch.Size) -> Tensor:
    """The part of a superkernel that a smaller layer uses: leading channels, the inner core of a kernel."""
    if weight.ndim == 4 and weight.shape[2:] != shape[2:]:
        margin = (weight.shape[2] - shape[2]) // 2
        weight = weight[:, :, margin:-margin, margin:-margin]
    return weight[tuple(slice(size) for size in shape)]
