"""Gated parts of superkernels as operators of their own, whose backward passes are written out.

Left to autograd, the gates of a layer are some forty products of a few numbers each, together a tenth of a
step's time on small images. Here those of all layers are applied at once. L is the number of layers, C and S
are the channels and the squeeze rows of one.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from nas_worker.superkernel import depthwise_taps

Context = Any
"""What torch passes from forward to backward; it has no public type."""
Grads = tuple[Tensor | None, ...]
_LEVELS = 4
"""Of a layer: always there, with e6, with e6 or se50, with both."""


class _PartSquares(Function):
    """See ``part_squares``."""

    @staticmethod
    def forward(ctx: Context, masks: Tensor, *weights: Tensor) -> Tensor:
        """L x 6."""
        depthwise, squeezes = weights[: len(weights) // 2], weights[len(weights) // 2 :]
        per_part = torch.stack([depthwise_taps(weight) @ masks for weight in depthwise]).flatten(1)
        norms = torch.stack([torch.linalg.vector_norm(weight.view(2, -1), dim=1) for weight in squeezes])
        ctx.save_for_backward(masks, *weights)
        return torch.cat([per_part, norms.square()], 1)

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Grads:
        """Each weight times twice the gradient of its part."""
        masks, *weights = ctx.saved_tensors
        count = len(weights) // 2
        taps = 2 * (grad[:, :4].reshape(count, 2, 2) @ masks.t())
        depthwise = torch._foreach_mul(
            [weight.view(2, -1, len(masks)) for weight in weights[:count]], list(taps[:, :, None].unbind())
        )
        squeezes = torch._foreach_mul(
            [weight.view(2, -1) for weight in weights[count:]], list((2 * grad[:, 4:, None]).unbind())
        )
        grads = zip((*depthwise, *squeezes), weights, strict=True)
        return None, *(of_part.view_as(weight) for of_part, weight in grads)


class _GatedKernels(Function):
    """See ``gated_kernels``."""

    @staticmethod
    def forward(
        ctx: Context, k5: Tensor, core: Tensor, shell: Tensor, *weights: Tensor
    ) -> tuple[Tensor, ...]:
        """L kernels, C x 1 x 5 x 5."""
        masks = core + k5.view(-1, 1, 1, 1, 1) * shell
        ctx.save_for_backward(shell, masks, *weights)
        return tuple(torch._foreach_mul(weights, list(masks.unbind())))

    @staticmethod
    def backward(ctx: Context, *grads: Tensor) -> Grads:
        """Of the gates and of the weights."""
        shell, masks, *weights = ctx.saved_tensors
        of_k5 = None
        if ctx.needs_input_grad[0]:
            taps = torch.stack([product.sum(0) for product in torch._foreach_mul(grads, weights)])
            of_k5 = taps.flatten(1) @ shell.flatten()
        return of_k5, None, None, *torch._foreach_mul(grads, list(masks.unbind()))


class _GatedVectors(Function):
    """See ``gated_vectors``."""

    @staticmethod
    def forward(ctx: Context, gates: Tensor, *vectors: Tensor) -> tuple[Tensor, ...]:
        """L products of vectors, and L more."""
        ctx.save_for_backward(gates, *vectors)
        return tuple(torch._foreach_mul(vectors, list(gates.repeat(2).unbind())))

    @staticmethod
    def backward(ctx: Context, *grads: Tensor) -> Grads:
        """Of the gates and of the vectors."""
        gates, *vectors = ctx.saved_tensors
        of_gates = None
        if ctx.needs_input_grad[0]:
            of_gates = torch.stack(list(map(torch.dot, grads, vectors))).view(2, -1).sum(0)
        return of_gates, *torch._foreach_mul(grads, list(gates.repeat(2).unbind()))


class _GateLevels(Function):
    """See ``gate_levels``."""

    @staticmethod
    def forward(
        ctx: Context, e6: Tensor, se50: Tensor, index: Tensor, sizes: list[int]
    ) -> tuple[Tensor, ...]:
        """For each layer its channels (C) and its rows (S), in turn."""
        ctx.save_for_backward(e6, se50, index)
        upper = e6 * se50
        levels = torch.stack([torch.ones_like(e6), e6, e6 + se50 - upper, upper], 1)
        return torch.split(levels.flatten().index_select(0, index), sizes)

    @staticmethod
    def backward(ctx: Context, *grads: Tensor) -> Grads:
        """Of both gates."""
        e6, se50, index = ctx.saved_tensors
        sums = e6.new_zeros(_LEVELS * len(e6)).index_add_(0, index, torch.cat(grads))
        _, of_channels, of_second, of_upper = sums.view(-1, _LEVELS).unbind(1)
        of_e6 = of_upper * se50 - of_second * se50 + of_second + of_channels
        return of_e6, of_upper * e6 - of_second * e6 + of_second, None, None


class _GatedSqueeze(Function):
    """See ``gated_squeeze``."""

    @staticmethod
    def forward(  # noqa: PLR0917 - torch passes no names
        ctx: Context,
        y: Tensor,
        squeeze_weight: Tensor,
        squeeze_bias: Tensor,
        excite_weight: Tensor,
        excite_bias: Tensor,
        channels: Tensor,
        rows: Tensor,
        se25: Tensor,
    ) -> Tensor:
        """N x C x H x W."""
        with _full_precision(y.device.type):  # a few numbers: they need no less than float32
            pooled = y.mean((2, 3), dtype=squeeze_weight.dtype)
            gated_pooled = pooled * channels
            hidden = functional.relu_(functional.linear(gated_pooled, squeeze_weight, squeeze_bias))
            gated_hidden = hidden * rows
            excited = functional.linear(gated_hidden, excite_weight, excite_bias).sigmoid_()
            scale = torch.addcmul(1 - se25, excited, se25)
            factor = (scale * channels).to(y.dtype)[:, :, None, None]
        squeezed = (pooled, gated_pooled, hidden, gated_hidden, excited, scale, factor)
        ctx.save_for_backward(y, squeeze_weight, excite_weight, *squeezed, channels, rows, se25)
        return y * factor

    @staticmethod
    def backward(ctx: Context, grad: Tensor) -> Grads:
        """Of everything; those of the gates only where they are asked for."""
        y, squeeze_weight, excite_weight, *squeezed, channels, rows, se25 = ctx.saved_tensors
        pooled, gated_pooled, hidden, gated_hidden, excited, scale, factor = squeezed
        of_factor = (grad * y).sum((2, 3), dtype=scale.dtype)
        of_scale = of_factor * channels
        of_excited = torch.ops.aten.sigmoid_backward(of_scale * se25, excited)
        of_gated_hidden = of_excited @ excite_weight
        of_squeezed = torch.ops.aten.threshold_backward(of_gated_hidden * rows, hidden, 0)
        of_gated_pooled = of_squeezed @ squeeze_weight
        of_y = grad * factor
        of_y += (of_gated_pooled * channels / (y.shape[2] * y.shape[3])).to(y.dtype)[:, :, None, None]
        of_gates: Grads = (None, None, None)
        if any(ctx.needs_input_grad[5:]):
            of_channels = (of_factor * scale).addcmul_(of_gated_pooled, pooled).sum(0)
            of_gates = (of_channels, (of_gated_hidden * hidden).sum(0), (of_scale * (excited - 1)).sum())
        return (
            of_y,
            of_squeezed.t() @ gated_pooled,
            of_squeezed.sum(0),
            of_excited.t() @ gated_hidden,
            of_excited.sum(0),
            *of_gates,
        )


def level_index(sizes: Sequence[int]) -> Tensor:
    """The index that ``gate_levels`` takes, of C and S of each layer in turn."""
    always, of_e6, of_second, of_upper = range(_LEVELS)
    found = []
    for layer, (channels, rows) in enumerate(zip(sizes[::2], sizes[1::2], strict=True)):
        half, quarter = channels // 2, rows // 4
        own = [always] * half + [of_e6] * half
        own += [always] * quarter + [of_second] * quarter + [of_upper] * (2 * quarter)
        found += [_LEVELS * layer + level for level in own]
    return torch.tensor(found)


def _full_precision(device_type: str) -> AbstractContextManager[object]:
    """Without autocast. To enter and leave that costs as much as the few products inside."""
    if torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()


def part_squares(masks: Tensor, *weights: Tensor) -> Tensor:
    """Sums of squares of the parts of all superkernels, L x 6, as ``superkernel_gates`` takes them.

    Args:
        masks: 25 x 2, of the inner 3x3 and of the shell around it.
        weights: L depthwise weights, C x 1 x 5 x 5, then L squeeze weights, S x C.
    """
    return cast(Tensor, _applied(_PartSquares, masks, *weights))


def gated_kernels(k5: Tensor, core: Tensor, shell: Tensor, *weights: Tensor) -> tuple[Tensor, ...]:
    """Eq. 2 for all layers: the inner 3x3 kernel, and the shell around it times a gate.

    Args:
        k5: L gates.
        core: Mask of the inner 3x3, 1 x 1 x 5 x 5.
        shell: Of what is around it.
        weights: L depthwise weights, C x 1 x 5 x 5.
    """
    return cast(tuple[Tensor, ...], _applied(_GatedKernels, k5, core, shell, *weights))


def gated_vectors(gates: Tensor, *vectors: Tensor) -> tuple[Tensor, ...]:
    """Scales and shifts of BatchNorms times gates: of whole outputs, at no cost in memory.

    Args:
        gates: L.
        vectors: L scales, then L shifts.
    """
    return cast(tuple[Tensor, ...], _applied(_GatedVectors, gates, *vectors))


def gate_levels(e6: Tensor, se50: Tensor, index: Tensor, sizes: Sequence[int]) -> tuple[Tensor, ...]:
    """What gates leave of each channel (C) and each squeeze row (S) of all layers, in turn (Eqs. 3, 4).

    The first half of the channels is there always, the second with e6. The SE ratio is one of the channels
    that enter the SE path, so with e=3 the squeeze has half as many rows. Then 0.25 is the first quarter of
    them and 0.5 the first half: the second quarter is there if e6 or se50 is open, the rest if both are.

    Args:
        e6: L gates.
        se50: L gates.
        index: From ``level_index``.
        sizes: C and S of each layer, in turn.
    """
    return cast(tuple[Tensor, ...], _applied(_GateLevels, e6, se50, index, list(sizes)))


def gated_squeeze(
    y: Tensor, linears: tuple[nn.Linear, nn.Linear], channels: Tensor, rows: Tensor, se25: Tensor
) -> Tensor:
    """Squeeze-and-excite of a layer with gates; the scale of its SE path is 1 where se25 is shut (Eq. 4).

    Args:
        y: N x C x H x W, without gates.
        linears: Squeeze, C -> S, and excitation, S -> C.
        channels: C, of ``gate_levels``.
        rows: S, of ``gate_levels``.
        se25: Gate of the SE path.

    Returns:
        N x C x H x W, of the type of ``y``.
    """
    weights = [parameter for linear in linears for parameter in (linear.weight, linear.bias)]
    return cast(Tensor, _applied(_GatedSqueeze, y, *weights, channels, rows, se25))


def _applied(function: type[Function], *arguments: object) -> object:
    found: object = function.apply(*arguments)  # type: ignore[no-untyped-call]  # torch's
    return found
