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
        squares: L x 6, sums of squares: four depthwise parts, two squeeze parts.
        sizes: L x 2, channels in a half of the depthwise kernel, weights in a half of the squeeze.
        thresholds: L x 5, columns as in ``space.GATES``.
        keep: L x 5 of 0 and 1: gates with 0 are forced shut (dropout); None keeps all.
        skippable: L of bool; elsewhere the e3 gate is 1.
        gate: g(x, t).

    Returns:
        L x 5 of exactly 0 and 1.
    """
    t_k5, t_e3, t_e6, t_se25, t_se50 = thresholds.unbind(1)
    shut = torch.ones_like(thresholds) if keep is None else keep
    keep_k5, keep_e3, keep_e6, keep_se25, keep_se50 = shut.unbind(1)

    k5 = keep_k5 * gate(_shell_norm(squares, sizes), t_k5)  # Eq. 2
    half3, half6, squeeze25, squeeze50 = _norms(squares, sizes, k5.detach())
    e3 = keep_e3 * gate(half3, t_e3)  # Eq. 3
    e3 = torch.where(skippable, e3, 1.0)
    e6 = keep_e6 * gate(half6, t_e6)  # Eq. 3
    se25 = keep_se25 * gate(squeeze25, t_se25)  # Eq. 4
    se50 = keep_se50 * gate(squeeze50, t_se50)  # Eq. 4
    return torch.stack([k5, e3, e6, se25, se50], 1)


@torch.no_grad()
def superkernel_margins(squares: Tensor, sizes: Tensor, thresholds: Tensor) -> Tensor:
    """How far the norms lie above their thresholds, L x 5: positive where the gate is open.

    Args:
        squares: As in ``superkernel_gates``.
        sizes: Likewise.
        thresholds: Likewise.
    """
    shell = _shell_norm(squares, sizes)
    open_k5 = (shell > thresholds[:, 0]).to(shell.dtype)
    return torch.stack([shell, *_norms(squares, sizes, open_k5)], 1) - thresholds


def _shell_norm(squares: Tensor, sizes: Tensor) -> Tensor:
    """Norms of the shells around the 3x3 cores (L)."""
    _, shell3, _, shell6, _, _ = squares.unbind(1)
    return _rms(shell3 + shell6, 2 * sizes[:, 0] * (_KERNEL_SIZE - _CORE_SIZE))


def _norms(squares: Tensor, sizes: Tensor, open_k5: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Norms (L each) of the two halves of the depthwise kernels, at given k5, and of the squeezes."""
    core3, shell3, core6, shell6, squeeze25, squeeze50 = squares.unbind(1)
    channels, squeeze_size = sizes.unbind(1)
    half_size = channels * (_CORE_SIZE + open_k5 * (_KERNEL_SIZE - _CORE_SIZE))
    return (
        _rms(core3 + open_k5 * shell3, half_size),
        _rms(core6 + open_k5 * shell6, half_size),
        _rms(squeeze25, squeeze_size),
        _rms(squeeze50, squeeze_size),
    )


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
