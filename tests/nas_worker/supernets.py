"""Supernets with weights that leave no shortcut, for equality tests."""

import torch
from torch import nn

from nas_worker.space import (
    LAYER_TYPES,
    SEARCHABLE,
    Architecture,
    LayerType,
    MacroArchitecture,
    allowed_types,
)
from nas_worker.super_block import GatePlacement
from nas_worker.supernet import Supernet

MACRO = MacroArchitecture(width=0.25, image_size=8, image_channels=1, classes=10)
PLACEMENTS: tuple[GatePlacement, ...] = ("after_norm", "kernel")


def random_supernet(placement: GatePlacement, macro: MacroArchitecture = MACRO) -> Supernet:
    """With weights, biases and BatchNorm statistics that leave no shortcut: nothing is zero or one."""
    generator = torch.Generator().manual_seed(0)
    supernet = Supernet(macro, placement).double()
    with torch.no_grad():
        for parameter in supernet.parameters():
            scale = parameter.shape[1] ** -0.5 if parameter.ndim > 1 else 0.5
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
        for module in supernet.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.copy_(0.3 * torch.randn(module.num_features, generator=generator))
                module.running_var.copy_(0.5 + torch.rand(module.num_features, generator=generator))
    return supernet


def nearly_uniform(layer_type: LayerType) -> Architecture:
    """The type in every layer that may take it; the largest type elsewhere."""
    return Architecture(
        tuple(layer_type if layer_type in allowed_types(i) else LAYER_TYPES[11] for i in SEARCHABLE)
    )
