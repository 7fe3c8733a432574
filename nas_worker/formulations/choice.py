"""Distributions over the 13 layer types, which the softmax and the multi-path formulations learn."""

from random import Random

import torch
from torch import Tensor, nn

from nas_worker.platform import Platform
from nas_worker.space import LAYER_TYPES, SEARCHABLE, Architecture, allowed_types
from nas_worker.superkernel import layer_gates

INITIAL_DEVIATION = 1e-3
"""Of the logits at the start: no choice is ahead, and no two are exactly equal."""


def allowed_choices() -> Tensor:
    """Which of ``LAYER_TYPES`` each searchable layer may take, 20 x 13 of bool."""
    return torch.tensor([[kind in allowed_types(layer) for kind in LAYER_TYPES] for layer in SEARCHABLE])


def gate_probabilities(probabilities: Tensor) -> Tensor:
    """Probability of each of ``space.GATES`` to be open, 20 x 5, of type probabilities, 20 x 13."""
    gates = torch.tensor([layer_gates(kind) for kind in LAYER_TYPES])
    return probabilities @ gates.to(probabilities)


class ExpectedRuntime(nn.Module):
    """Expectation of R over independent layers, in milliseconds.

    At one-hot probabilities it is the table's own sum.

    Args:
        platform: Whose table is used.
    """

    table_ms: Tensor

    def __init__(self, platform: Platform) -> None:
        super().__init__()
        self.base_ms = platform.base_ms
        rows = [
            [platform.layer_ms(layer, kind) if kind in allowed_types(layer) else 0.0 for kind in LAYER_TYPES]
            for layer in SEARCHABLE
        ]
        self.register_buffer("table_ms", torch.tensor(rows), persistent=False)

    def forward(self, probabilities: Tensor) -> Tensor:
        """E[R] of type probabilities, 20 x 13, columns as ``LAYER_TYPES``: a scalar in milliseconds."""
        return self.base_ms + (probabilities * self.table_ms).sum()


def likeliest(probabilities: Tensor) -> Architecture:
    """The likeliest type of each layer, of probabilities 20 x 13."""
    return Architecture(tuple(LAYER_TYPES[place] for place in probabilities.argmax(1).tolist()))


def sampled(probabilities: Tensor, random: Random) -> Architecture:
    """An architecture drawn from probabilities 20 x 13, each layer on its own."""
    rows = probabilities.tolist()
    return Architecture(tuple(random.choices(LAYER_TYPES, row)[0] for row in rows))
