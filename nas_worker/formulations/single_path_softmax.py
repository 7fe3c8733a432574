"""Single-path with softmax (Eq. 18): superkernels whose parts are weighted by probabilities of choices."""

import torch
from torch import Tensor, nn

from nas_worker.bilevel import bilevel_formulation
from nas_worker.convnet import ConvNet
from nas_worker.formulations.choice import INITIAL_DEVIATION
from nas_worker.space import EXPANSIONS, KERNELS, N_SEARCHABLE, SE_RATIOS, Architecture, MacroArchitecture
from nas_worker.superkernel import gated_architecture
from nas_worker.supernet import SuperkernelNetwork, derive


class SoftmaxSupernet(SuperkernelNetwork):
    """The single-path supernet with soft gates, which depend on logits and not on norms.

    In Eq. 18 the weight of a part is the probability of the choices that use it: p_5x5 of the shell, and
    likewise for e and se. Written as the nested gates of Eqs. 2-4: k5 = p_5x5, e3 = 1 - p_skip,
    e6 = p_6 / (p_3 + p_6), se25 = 1 - p_0 and se50 = p_0.5 / (p_0.25 + p_0.5). They act where those of the
    sigmoid formulation act by default, after BatchNorm.

    Args:
        macro: Width, image size, classes.
    """

    def __init__(self, macro: MacroArchitecture) -> None:
        super().__init__(macro)
        self.kernel_logits = nn.Parameter(torch.zeros(N_SEARCHABLE, len(KERNELS)))
        self.expansion_logits = nn.Parameter(torch.zeros(N_SEARCHABLE, 1 + len(EXPANSIONS)))
        self.se_logits = nn.Parameter(torch.zeros(N_SEARCHABLE, len(SE_RATIOS)))
        for logits in self.architecture_parameters():
            nn.init.normal_(logits, 0, INITIAL_DEVIATION)

    def architecture_parameters(self) -> list[nn.Parameter]:
        """Tau of Eq. 18: 20 x 2 for the kernel, 20 x 3 for skip and e, 20 x 3 for se."""
        return [self.kernel_logits, self.expansion_logits, self.se_logits]

    def choices(self) -> Tensor:
        """Soft gates, 20 x 5."""
        of_kernel, of_expansion, of_se = self.kernel_logits, self.expansion_logits, self.se_logits
        k5 = of_kernel.softmax(1)[:, 1]
        e3 = torch.where(self.skippable, 1 - of_expansion.softmax(1)[:, 0], 1.0)
        e6 = of_expansion[:, 1:].softmax(1)[:, 1]
        se25 = 1 - of_se.softmax(1)[:, 0]
        se50 = of_se[:, 1:].softmax(1)[:, 1]
        return torch.stack([k5, e3, e6, se25, se50], 1)

    def type_probabilities(self, choices: Tensor) -> Tensor:
        """Probability of each of ``LAYER_TYPES`` at gates, 20 x 13."""
        k5, e3, e6, se25, se50 = choices.unbind(1)
        kernel = torch.stack([1 - k5, k5], 1)[:, :, None, None]
        expansion = torch.stack([1 - e6, e6], 1)[:, None, :, None]
        se_ratio = torch.stack([1 - se25, se25 * (1 - se50), se25 * se50], 1)[:, None, None, :]
        kinds = e3[:, None] * (kernel * expansion * se_ratio).flatten(1)
        return torch.cat([kinds, 1 - e3[:, None]], 1)

    def selected(self, choices: Tensor) -> Architecture:
        """The likeliest kernel, the likeliest of skip and the expansions, and the likeliest SE ratio."""
        k5, e3, e6, se25, se50 = choices.unbind(1)
        hard = [
            k5 > 0.5,
            e3 * torch.maximum(e6, 1 - e6) >= 1 - e3,
            e6 > 0.5,
            se25 * torch.maximum(se50, 1 - se50) >= 1 - se25,
            se50 > 0.5,
        ]
        return gated_architecture(torch.stack(hard, 1).to(choices))

    def derived(self, architecture: Architecture) -> ConvNet:
        """The ConvNet with a copy of the superkernels' parts."""
        return derive(self, architecture)


FORMULATION = bilevel_formulation(SoftmaxSupernet)
