"""Multi-path with softmax path weights (Eqs. 6 and 8)."""

import torch
from torch import Tensor

from nas_worker.bilevel import bilevel_formulation
from nas_worker.formulations.multi_path import MultiPathSupernet


class SoftmaxPaths(MultiPathSupernet):
    """Path weights are a softmax over the candidates of a layer."""

    def choices(self) -> Tensor:
        """Path weights alpha, 20 x 13."""
        return self.path_logits.masked_fill(~self.allowed, -torch.inf).softmax(1)


FORMULATION = bilevel_formulation(SoftmaxPaths)
