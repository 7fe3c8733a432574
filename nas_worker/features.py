"""Feature maps of a ConvNet for detection and segmentation (Table III)."""

from collections.abc import Mapping

from torch import Tensor, nn

from nas_worker.convnet import PlainNetwork

LEVELS = {"c2": 4, "c3": 8, "c4": 16, "c5": 32}
"""Names of the maps and their strides, as Feature Pyramid Networks (Lin et al. 2017) take them."""


class FeatureMaps(nn.Module):
    """The last map of a network at each of the strides 4, 8, 16 and 32; without its head.

    The weights are the network's own and not a copy. c5 is the output of the last layer, before the 1x1 head.

    Args:
        network: Of 64 pixels and more, so that it has all strides. The images may have any size from 32 on.

    Raises:
        ValueError: The network is one for smaller images.
    """

    def __init__(self, network: PlainNetwork) -> None:
        super().__init__()
        self.stem, self.stem_norm, self.blocks = network.stem, network.stem_norm, network.blocks
        self._apply_stem = network.apply_stem
        self._names = _last_blocks(network)
        layers = network.macro.layers
        self.channels: Mapping[str, int] = {
            name: layers[block].out_channels for block, name in self._names.items()
        }
        """Channels of each map."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """N x C x H x W -> name to N x channels x ceil(H / stride) x ceil(W / stride), c2 first."""
        features = self._apply_stem(images)
        maps = {}
        for index, block in enumerate(self.blocks):
            features = block(features)
            if index in self._names:
                maps[self._names[index]] = features
        return maps


def _last_blocks(network: PlainNetwork) -> dict[int, str]:
    """Index of the last block at each stride -> name of its map."""
    stride, last = network.macro.stem_stride, {}
    for index, geometry in enumerate(network.macro.layers):
        stride *= geometry.stride
        last[stride] = index
    missing = [level for level in LEVELS.values() if level not in last]
    if missing:
        raise ValueError(
            f"a network for images of {network.macro.image_size} pixels has no map of stride {missing[0]}; "
            "expected one for 64 pixels or more"
        )
    return {last[level]: name for name, level in LEVELS.items()}
