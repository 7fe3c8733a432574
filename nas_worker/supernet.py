"""The single-path supernet: the largest network, whose superkernels hold every architecture (Sec. III-B)."""

from collections.abc import Iterator
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas_worker.blocks import NORM_MOMENTUM, MBConv
from nas_worker.convnet import ConvNet, Network
from nas_worker.space import (
    FIXED_FIRST,
    FIXED_LAST,
    GATES,
    LARGEST,
    N_SEARCHABLE,
    SEARCHABLE,
    Architecture,
    LayerGeometry,
    MacroArchitecture,
    is_skippable,
)
from nas_worker.superkernel import (
    Gate,
    architecture_gates,
    depthwise_squares,
    gate,
    gated_architecture,
    kernel_parts,
    squeeze_squares,
    superkernel_gates,
    superkernel_margins,
)

GatePlacement = Literal["after_norm", "kernel"]


class SuperBlock(MBConv):
    """The largest MBConv, 5x5-6-0.5, with gates on its parts.

    At hard gates it is the same function as the block of the selected type with the same weights: a shut
    channel stays zero through BatchNorm's shift, a shut SE path is the identity, a shut layer adds nothing.

    The SE ratio is one of the channels that enter the SE path. So with e=3 the squeeze has half as many rows:
    0.25 uses the first quarter of them, 0.5 the first half.

    Args:
        geometry: Channels, stride, residual.
        placement: ``kernel`` multiplies e3 and e6 into the depthwise kernel, as Eq. 3 is printed. BatchNorm
            then hides the kernel's scale from the loss, and hardly any gradient reaches the thresholds.
            ``after_norm`` has the same forward function, but e6 multiplies the upper channels after BatchNorm
            and activation, and e3 the output of the block.
    """

    core: Tensor
    shell: Tensor
    one: Tensor

    def __init__(self, geometry: LayerGeometry, placement: GatePlacement) -> None:
        super().__init__(geometry, LARGEST)
        self.placement = placement
        core, shell = kernel_parts(self.depthwise.weight)
        self.register_buffer("core", core, persistent=False)
        self.register_buffer("shell", shell, persistent=False)
        self.register_buffer("one", torch.ones(1), persistent=False)

    def squares(self) -> Tensor:
        """Sums of squares of the superkernels' parts: 6, as ``superkernel_gates`` takes them."""
        assert self.squeeze is not None
        return torch.cat(
            [depthwise_squares(self.depthwise.weight, self.core), squeeze_squares(self.squeeze.weight)]
        )

    def part_sizes(self) -> tuple[int, int]:
        """Channels in a half of the depthwise kernel, weights in a half of the squeeze."""
        assert self.squeeze is not None
        return self.depthwise.weight.shape[0] // 2, self.squeeze.weight.numel() // 2

    def gated(self, x: Tensor, gates: Tensor) -> Tensor:
        """The block at given gates.

        Args:
            x: N x in x H x W.
            gates: 5, columns as in ``space.GATES``.

        Returns:
            N x out x H/stride x W/stride.
        """
        k5, e3, e6, se25, se50 = gates.unbind()
        kernel = self.depthwise.weight * (self.core + k5 * self.shell)  # Eq. 2
        if self.placement == "kernel":
            kernel = kernel * (e3 * self._halves(e6)).view(-1, 1, 1, 1)  # Eq. 3
            e3, e6 = e3.detach(), e6.detach()
        channels = self._halves(e6)
        y = functional.relu_(self.depthwise_norm(self.depthwise.convolve(self.expanded(x), kernel)))
        y = y * (self._se_scale(y, channels, e6, se25, se50) * channels)[:, :, None, None]
        y = self.project(y)
        if not self.geometry.residual:
            return cast(Tensor, self.project_norm(y))
        return x + self._gated_norm(y, e3)

    def _halves(self, e6: Tensor) -> Tensor:
        half = self.depthwise.weight.shape[0] // 2
        return torch.cat([self.one.expand(half), e6.expand(half)])

    def _se_scale(self, y: Tensor, channels: Tensor, e6: Tensor, se25: Tensor, se50: Tensor) -> Tensor:
        """Factor of each channel (N x C): 1 where the SE path is shut (Eq. 4)."""
        assert self.squeeze is not None
        assert self.excite is not None
        quarter = self.squeeze.out_features // 4
        second = e6 + se50 - e6 * se50
        upper = e6 * se50
        rows = torch.cat([self.one.expand(quarter), second.expand(quarter), upper.expand(2 * quarter)])
        hidden = functional.relu_(self.squeeze(y.mean((2, 3)) * channels)) * rows
        # In bfloat16 the constants stay float32, and lerp takes one type.
        return torch.lerp(self.one, torch.sigmoid(self.excite(hidden).to(self.one.dtype)), se25)

    def _gated_norm(self, y: Tensor, e3: Tensor) -> Tensor:
        # Gating scale and shift gates the whole output at no cost in memory.
        bn = self.project_norm
        return functional.batch_norm(
            y,
            bn.running_mean,
            bn.running_var,
            bn.weight * e3,
            bn.bias * e3,
            bn.training,
            NORM_MOMENTUM,
            bn.eps,
        )


class SuperkernelNetwork(Network):
    """All architectures in one network (Fig. 3), whatever decides its gates.

    Args:
        macro: Width, image size, classes.
        placement: See :class:`SuperBlock`.
    """

    skippable: Tensor

    def __init__(self, macro: MacroArchitecture, placement: GatePlacement = "after_norm") -> None:
        super().__init__(macro, lambda geometry: SuperBlock(geometry, placement))
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
        for block, row in zip(self.super_blocks(), gates.unbind(), strict=True):
            features = block.gated(features, row)
        return self.apply_head(self.blocks[FIXED_LAST](features))


class Supernet(SuperkernelNetwork):
    """The network whose gates follow from its own weights and from thresholds (Eqs. 2-4).

    Args:
        macro: Width, image size, classes.
        placement: See :class:`SuperBlock`.
        gate: How a gate follows from a norm and a threshold.
    """

    part_sizes: Tensor

    def __init__(
        self, macro: MacroArchitecture, placement: GatePlacement = "after_norm", gate: Gate = gate
    ) -> None:
        super().__init__(macro, placement)
        self._gate = gate
        self.thresholds = nn.Parameter(torch.zeros(N_SEARCHABLE, len(GATES)))
        sizes = torch.tensor([block.part_sizes() for block in self.super_blocks()], dtype=torch.float32)
        self.register_buffer("part_sizes", sizes, persistent=False)

    def gates(self, keep: Tensor | None = None) -> Tensor:
        """Gates of all layers, 20 x 5; ``keep`` is their dropout as in ``superkernel_gates``."""
        return superkernel_gates(
            self._squares(), self.part_sizes, self.thresholds, keep, self.skippable, gate=self._gate
        )

    @torch.no_grad()
    def margins(self) -> Tensor:
        """How far the norms behind the gates lie above their thresholds, 20 x 5."""
        return superkernel_margins(self._squares(), self.part_sizes, self.thresholds)

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

    def _squares(self) -> Tensor:
        return torch.stack([block.squares() for block in self.super_blocks()])


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
