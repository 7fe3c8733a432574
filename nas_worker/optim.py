"""Optimisers of the search: RMSProp as TensorFlow defines it, and the two parameter groups."""

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor, nn


class RMSPropTF(torch.optim.Optimizer):
    """RMSProp with epsilon inside the root, an accumulator from 1, and the rate inside the momentum.

    The published rates (Sec. V) are for this form, which differs from ``torch.optim.RMSprop`` in all three.

    Args:
        params: Parameters or groups; ``weight_decay`` may be set per group.
        lr: Learning rate.
        decay: Of the mean square.
        momentum: Of the update.
        epsilon: Added to the mean square.
        weight_decay: L2 coefficient added to the gradient.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        *,
        lr: float,
        decay: float = 0.9,
        momentum: float = 0.9,
        epsilon: float = 1e-3,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {
            "lr": lr,
            "decay": decay,
            "momentum": momentum,
            "epsilon": epsilon,
            "weight_decay": weight_decay,
        }
        super().__init__(params, defaults)

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._update(group, [p for p in group["params"] if p.grad is not None])
        return loss

    def _update(self, group: dict[str, Any], params: list[Tensor]) -> None:
        if not params:
            return
        for p in params:
            if not self.state[p]:
                self.state[p] = {"mean_square": torch.ones_like(p), "moment": torch.zeros_like(p)}
        squares = [self.state[p]["mean_square"] for p in params]
        moments = [self.state[p]["moment"] for p in params]
        grads = [p.grad for p in params if p.grad is not None]
        if group["weight_decay"]:
            grads = list(torch._foreach_add(grads, params, alpha=group["weight_decay"]))
        torch._foreach_mul_(squares, group["decay"])
        torch._foreach_addcmul_(squares, grads, grads, 1 - group["decay"])
        roots = torch._foreach_add(squares, group["epsilon"])
        torch._foreach_sqrt_(roots)
        torch._foreach_mul_(moments, group["momentum"])
        torch._foreach_addcdiv_(moments, grads, roots, group["lr"])
        torch._foreach_sub_(params, moments)


def weight_groups(
    network: nn.Module, weight_decay: float, exclude: Iterable[Tensor] = ()
) -> list[dict[str, Any]]:
    """Parameters in two groups: convolution and linear weights, which decay, and vectors, which do not."""
    excluded = {id(parameter) for parameter in exclude}
    parameters = [p for p in network.parameters() if id(p) not in excluded]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1]},
    ]
