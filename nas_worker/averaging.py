"""Average of a network's weights over the steps of its training, which is often better than the last ones."""

from collections.abc import Collection

import torch
from torch import nn


def average_decay(updates: int, limit: float) -> float:
    """Decay of the average of the weights after so many updates: at most ``limit``, less in the beginning.

    As TensorFlow's: without that the average of a short training would be mostly its random start.
    """
    return min(limit, (1 + updates) / (10 + updates))


@torch.no_grad()
def update_average(
    average: nn.Module, network: nn.Module, decay: float, exclude: Collection[str] = ()
) -> None:
    """Moves the average towards the network's weights and BatchNorm's statistics, by ``1 - decay``.

    Args:
        average: A copy of the network.
        network: After a step.
        decay: In [0, 1].
        exclude: Names in its state that are not averaged.
    """
    new, old = network.state_dict(), average.state_dict()
    floats = [name for name, value in old.items() if value.is_floating_point() and name not in exclude]
    torch._foreach_lerp_([old[name] for name in floats], [new[name] for name in floats], 1 - decay)
    for name, value in old.items():
        if not value.is_floating_point():  # BatchNorm's count of batches
            value.copy_(new[name])
