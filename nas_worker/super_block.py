"""A searchable layer of the supernet, and what gates leave of the weights of all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas_worker.blocks import NORM_MOMENTUM, MBConv
from nas_worker.gated_ops import (
    gate_levels,
    gated_kernels,
    gated_squeeze,
    gated_vectors,
    level_index,
    part_squares,
)
from nas_worker.space import LARGEST, LayerGeometry
from nas_worker.superkernel import kernel_parts

GatePlacement = Literal["after_norm", "kernel"]


@dataclass(frozen=True, slots=True)
class GatedParts:
    """What gates leave of a block's weights.

    Attributes:
        kernel: Depthwise, C x 1 x 5 x 5.
        channels: What is left of each channel after the depthwise convolution, C.
        rows: Of each output of the squeeze, S.
        se25: Gate of the SE path.
        affine: Scale and shift of the last BatchNorm; None where no gate acts on them.
    """

    kernel: Tensor
    channels: Tensor
    rows: Tensor
    se25: Tensor
    affine: tuple[Tensor, Tensor] | None


class SuperBlock(MBConv):
    """The largest MBConv, 5x5-6-0.5, with gates on its parts.

    At hard gates it is the same function as the block of the selected type with the same weights: a shut
    channel stays zero through BatchNorm's shift, a shut SE path is the identity, a shut layer adds nothing.

    Args:
        geometry: Channels, stride, residual.
    """

    def __init__(self, geometry: LayerGeometry) -> None:
        super().__init__(geometry, LARGEST)

    @property
    def linears(self) -> tuple[nn.Linear, nn.Linear]:
        """Squeeze and excitation, which the largest type has."""
        assert self.squeeze is not None
        assert self.excite is not None
        return self.squeeze, self.excite

    def gated(self, x: Tensor, parts: GatedParts) -> Tensor:
        """The block at given gates.

        Args:
            x: N x in x H x W.
            parts: Of this block.

        Returns:
            N x out x H/stride x W/stride.
        """
        y = functional.relu_(self.depthwise_norm(self.depthwise.convolve(self.expanded(x), parts.kernel)))
        y = self.project(gated_squeeze(y, self.linears, parts.channels, parts.rows, parts.se25))
        if parts.affine is None:
            return cast(Tensor, self.project_norm(y))
        bn = self.project_norm
        return x + functional.batch_norm(
            y, bn.running_mean, bn.running_var, *parts.affine, bn.training, NORM_MOMENTUM, bn.eps
        )


class GatedWeights(nn.Module):
    """Applies gates to the weights of blocks, which it does not own, of all at once.

    Args:
        blocks: L of them.
        placement: ``kernel`` multiplies e3 and e6 into the depthwise kernel, as Eq. 3 is printed. BatchNorm
            then hides the kernel's scale from the loss, and hardly any gradient reaches the thresholds.
            ``after_norm`` has the same forward function, but e6 multiplies the upper channels after BatchNorm
            and activation, and e3 the output of the block.
    """

    core: Tensor
    shell: Tensor
    levels: Tensor
    residual: Tensor

    def __init__(self, blocks: Sequence[SuperBlock], placement: GatePlacement) -> None:
        super().__init__()
        self._blocks = tuple(blocks)  # a tuple is not registered: the network has them already
        self._placement = placement
        self._residual = [place for place, block in enumerate(blocks) if block.geometry.residual]
        self._sizes = [size for block in blocks for size in reversed(block.linears[0].weight.shape)]
        core, shell = kernel_parts(blocks[0].depthwise.weight)
        buffers = {"core": core, "shell": shell, "levels": level_index(self._sizes)}
        for name, buffer in (buffers | {"residual": torch.tensor(self._residual, dtype=torch.long)}).items():
            self.register_buffer(name, buffer, persistent=False)

    def forward(self, gates: Tensor) -> Iterator[GatedParts]:
        """Those of each block.

        Args:
            gates: L x 5, columns as in ``space.GATES``.
        """
        depthwise = [block.depthwise.weight for block in self._blocks]
        k5, e3, e6, se25, se50 = gates.unbind(1)
        kernels = gated_kernels(k5, self.core, self.shell, *depthwise)  # Eq. 2
        if self._placement == "kernel":
            kernels = tuple(
                _with_outer_gates(*each) for each in zip(kernels, e3.unbind(), e6.unbind(), strict=True)
            )
            e3, e6 = e3.detach(), e6.detach()
        levels = gate_levels(e6, se50, self.levels, self._sizes)
        affine = self._affine(e3)
        rows = zip(kernels, levels[::2], levels[1::2], se25.unbind(), strict=True)
        for place, parts in enumerate(rows):
            yield GatedParts(*parts, affine.get(place))

    def _affine(self, e3: Tensor) -> dict[int, tuple[Tensor, Tensor]]:
        """Scale and shift of the blocks that can be skipped."""
        norms = [self._blocks[place].project_norm for place in self._residual]
        vectors = [norm.weight for norm in norms] + [norm.bias for norm in norms]
        if not norms:
            return {}
        gated = gated_vectors(e3.index_select(0, self.residual), *vectors)
        return dict(
            zip(self._residual, zip(gated[: len(norms)], gated[len(norms) :], strict=True), strict=True)
        )

    def squares(self) -> Tensor:
        """Sums of squares of the superkernels' parts, L x 6, as ``superkernel_gates`` takes them."""
        masks = torch.stack([self.core.flatten(), self.shell.flatten()], 1)
        depthwise = [block.depthwise.weight for block in self._blocks]
        squeezes = [block.linears[0].weight for block in self._blocks]
        return part_squares(masks, *depthwise, *squeezes)

    def part_sizes(self) -> Tensor:
        """Channels in a half of the depthwise kernel, weights in a half of the squeeze, L x 2."""
        return torch.tensor(
            [
                (block.depthwise.out_channels // 2, block.linears[0].weight.numel() // 2)
                for block in self._blocks
            ],
            dtype=torch.float32,
        )


def _with_outer_gates(kernel: Tensor, e3: Tensor, e6: Tensor) -> Tensor:
    """Eq. 3: a kernel times e3, and its second half times e6."""
    half = len(kernel) // 2
    channels = torch.cat([e3.expand(half), (e3 * e6).expand(half)])
    return kernel * channels.view(-1, 1, 1, 1)
