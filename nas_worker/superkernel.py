"""Gates of the superkernels (Eqs. 2-4): which parts of the largest layer's weights an architecture uses.

A layer's five gates are k5 (use the whole 5x5 kernel), e3 (use the layer at all), e6 (use the second half of
the depthwise channels), se25 (use an SE path) and se50 (use its second half).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from nas_worker.space import GATES, SEARCHABLE, SKIP, Architecture, LayerType, is_skippable

_CORE_SIZE, _KERNEL_SIZE = 9, 25
_SMALLEST_SQUARE = 1e-12
"""Keeps the slope of the square root finite where a whole part of a superkernel is zero."""

Gate = Callable[[Tensor, Tensor], Tensor]
"""g(x, t): exactly 1[x > t] in the forward pass, with a gradient in its place."""


def gate(norm: Tensor, threshold: Tensor) -> Tensor:
    """g(x, t): exactly 1[x > t] in the forward pass, sigmoid(x - t) for the gradient."""
    excess = norm - threshold
    return _stepped(excess, torch.sigmoid(excess))


def straight_through_gate(norm: Tensor, threshold: Tensor) -> Tensor:
    """g(x, t): exactly 1[x > t] in the forward pass, x - t for the gradient (Sec. VII-A, STE).

    At an infinite threshold, which fixes a gate, the gradient is zero.
    """
    excess = norm - threshold
    return _stepped(excess, torch.where(excess.isfinite(), excess, 0.0))


def _stepped(excess: Tensor, surrogate: Tensor) -> Tensor:
    return (excess > 0).to(excess.dtype) + (surrogate - surrogate.detach())


def kernel_parts(like: Tensor) -> tuple[Tensor, Tensor]:
    """Masks (1 x 1 x 5 x 5) of the inner 3x3 core of a 5x5 kernel and of the shell around it."""
    core = torch.zeros(1, 1, 5, 5, dtype=like.dtype, device=like.device)
    core[:, :, 1:4, 1:4] = 1
    return core, 1 - core


def depthwise_taps(weight: Tensor) -> Tensor:
    """Sums of squares (2 x 25) of each tap in the two halves of a depthwise superkernel, C x 1 x 5 x 5."""
    return weight.view(2, -1, _KERNEL_SIZE).square().sum(1)


def superkernel_gates(
    squares: Tensor,
    sizes: Tensor,
    thresholds: Tensor,
    keep: Tensor | None,
    skippable: Tensor,
    *,
    gate: Gate = gate,
) -> Tensor:
    """The gates of Eqs. 2-4 for all layers.

    A norm is a root mean square, ||w|| / sqrt(n). Sums over thousands of weights would sit where the
    sigmoid's slope vanishes, and could not be compared between layers. Within a norm, gates are constants.

    Args:
        squares: L x 6, sums of squares: core and shell of each half of the depthwise kernel, two halves of
            the squeeze.
        sizes: L x 2, channels in a half of the depthwise kernel, weights in a half of the squeeze.
        thresholds: L x 5, columns as in ``space.GATES``.
        keep: L x 5 of 0 and 1: gates with 0 are forced shut (dropout); None keeps all.
        skippable: L of bool; elsewhere the e3 gate is 1.
        gate: g(x, t).

    Returns:
        L x 5 of exactly 0 and 1.
    """
    k5 = gate(_shell_norm(squares, sizes), thresholds[:, :1])  # Eq. 2
    if keep is not None:
        k5 = k5 * keep[:, :1]
    others = gate(_norms(squares, sizes, k5.detach()), thresholds[:, 1:])  # Eqs. 3, 4
    if keep is not None:
        others = others * keep[:, 1:]
    e3 = torch.where(skippable[:, None], others[:, :1], 1.0)
    return torch.cat([k5, e3, others[:, 1:]], 1)


@torch.no_grad()
def superkernel_margins(squares: Tensor, sizes: Tensor, thresholds: Tensor) -> Tensor:
    """How far the norms lie above their thresholds, L x 5: positive where the gate is open.

    Args:
        squares: As in ``superkernel_gates``.
        sizes: Likewise.
        thresholds: Likewise.
    """
    shell = _shell_norm(squares, sizes)
    open_k5 = (shell > thresholds[:, :1]).to(shell.dtype)
    return torch.cat([shell, _norms(squares, sizes, open_k5)], 1) - thresholds


def _shell_norm(squares: Tensor, sizes: Tensor) -> Tensor:
    """Norms of the shells around the 3x3 cores, L x 1."""
    shells = squares[:, 1:4:2]
    return _rms(shells.sum(1, keepdim=True), 2 * sizes[:, :1] * (_KERNEL_SIZE - _CORE_SIZE))


def _norms(squares: Tensor, sizes: Tensor, open_k5: Tensor) -> Tensor:
    """Norms of the two halves of the depthwise kernels, at given k5 (L x 1), and of the squeezes: L x 4."""
    halves = squares[:, :4:2] + open_k5 * squares[:, 1:4:2]
    half_sizes = sizes[:, :1] * (_CORE_SIZE + open_k5 * (_KERNEL_SIZE - _CORE_SIZE))
    parts = torch.cat([halves, squares[:, 4:]], 1)
    return _rms(parts, torch.cat([half_sizes, half_sizes, sizes[:, 1:], sizes[:, 1:]], 1))


def _rms(square: Tensor, size: Tensor) -> Tensor:
    return (square / size).clamp_min(_SMALLEST_SQUARE).sqrt()


def architecture_gates(architecture: Architecture) -> Tensor:
    """The 20 x 5 gates of an architecture. A skipped layer has all of them shut."""
    return torch.tensor([layer_gates(layer_type) for layer_type in architecture.layers])


def layer_gates(layer_type: LayerType) -> list[float]:
    """The five gates, 0 or 1, of a layer type."""
    gates = (
        layer_type.kernel == 5,
        not layer_type.is_skip,
        layer_type.expansion == 6,
        layer_type.se_ratio > 0,
        layer_type.se_ratio == 0.5,
    )
    return [float(is_open) for is_open in gates]


def gated_architecture(gates: Tensor) -> Architecture:
    """The architecture that 20 x 5 hard gates select."""
    rows = zip(SEARCHABLE, gates.tolist(), strict=True)
    return Architecture(tuple(_type_of(row, skippable=is_skippable(layer)) for layer, row in rows))


def _type_of(row: Sequence[float], *, skippable: bool) -> LayerType:
    is_open = dict(zip(GATES, row, strict=True))
    if skippable and not is_open["e3"]:
        return SKIP
    se_ratio = (0.5 if is_open["se50"] else 0.25) if is_open["se25"] else 0.0
    return LayerType(5 if is_open["k5"] else 3, 6 if is_open["e6"] else 3, se_ratio)
