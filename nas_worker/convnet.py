"""The macro-architecture as a network, and the ConvNet of one architecture."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

from nas_worker.blocks import MBConv, norm, pointwise
from nas_worker.space import (
    FIXED_FIRST,
    FIXED_FIRST_TYPE,
    FIXED_LAST,
    FIXED_LAST_TYPE,
    Architecture,
    LayerGeometry,
    MacroArchitecture,
)

SearchableBlock = Callable[[LayerGeometry], nn.Module]


class Network(nn.Module):
    """Stem, 22 MBConv layers, head and classifier; the builder of both supernet and derived ConvNets.

    Args:
        macro: Width, image size, classes.
        searchable_block: Makes the module of each of the layers 1..20.
    """

    def __init__(self, macro: MacroArchitecture, searchable_block: SearchableBlock) -> None:
        super().__init__()
        self.macro = macro
        self.stem = nn.Conv2d(
            macro.image_channels, macro.stem_channels, 3, macro.stem_stride, padding=1, bias=False
        )
        self.stem_norm = norm(macro.stem_channels)
        fixed = {FIXED_FIRST: FIXED_FIRST_TYPE, FIXED_LAST: FIXED_LAST_TYPE}
        self.blocks = nn.ModuleList(
            MBConv(geometry, fixed[geometry.index]) if geometry.index in fixed else searchable_block(geometry)
            for geometry in macro.layers
        )
        self.head = pointwise(macro.layers[-1].out_channels, macro.head_channels)
        self.head_norm = norm(macro.head_channels)
        self.classifier = nn.Linear(macro.head_channels, macro.classes)

    def apply_stem(self, images: Tensor) -> Tensor:
        """N x image channels x H x W -> N x stem channels x H/stride x W/stride."""
        return functional.relu_(self.stem_norm(self.stem(images)))

    def apply_head(self, features: Tensor) -> Tensor:
        """Features of the last layer -> logits, N x classes."""
        logits: Tensor = self.classifier(self.pooled(features))
        return logits

    def pooled(self, features: Tensor) -> Tensor:
        """Features of the last layer -> what is classified, N x head channels."""
        return functional.relu_(self.head_norm(self.head(features))).mean((2, 3))


class PlainNetwork(Network):
    """A network that applies its blocks one after the other."""

    def features(self, images: Tensor) -> Tensor:
        """Images, N x C x H x W -> features of the last layer."""
        features = self.apply_stem(images)
        for block in self.blocks:
            features = block(features)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Images, N x C x H x W -> logits, N x classes."""
        return self.apply_head(self.features(images))


class ConvNet(PlainNetwork):
    """The network of one architecture (Fig. 6).

    Args:
        macro: Width, image size, classes.
        architecture: Type of each searchable layer; skipped ones become identities.
    """

    def __init__(self, macro: MacroArchitecture, architecture: Architecture) -> None:
        def block(geometry: LayerGeometry) -> nn.Module:
            layer_type = architecture.layers[geometry.index - 1]
            return nn.Identity() if layer_type.is_skip else MBConv(geometry, layer_type)

        super().__init__(macro, block)
        self.architecture = architecture
