"""Multi-path with sigmoid path weights (Eqs. 6 and 8)."""

import torch
from torch import Tensor

from nas_worker.bilevel import bilevel_formulation
from nas_worker.formulations.multi_path import MultiPathSupernet


class SigmoidPaths(MultiPathSupernet):
    """Path weights are sigmoids over their sum in the layer, since Eq. 6 takes them as probabilities."""

    def choices(self) -> Tensor:
        """Path weights alpha, 20 x 13."""
        weights = torch.sigmoid(self.path_logits) * self.allowed
        return weights / weights.sum(1, keepdim=True)


FORMULATION = bilevel_formulation(SigmoidPaths)
