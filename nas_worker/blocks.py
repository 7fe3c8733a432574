"""MBConv, the block that both the supernet and derived networks are made of."""

import math
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas_worker.space import LayerGeometry, LayerType

NORM_EPSILON = 1e-3
NORM_MOMENTUM = 0.1
_LARGEST_DENSE_PRODUCT = 64
"""Input times output pixels up to which a depthwise convolution is cheaper as a dense product on CPU."""


def norm(channels: int) -> nn.BatchNorm2d:
    """The BatchNorm of every layer."""
    return nn.BatchNorm2d(channels, eps=NORM_EPSILON, momentum=NORM_MOMENTUM)


def pointwise(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A 1x1 convolution without bias."""
    return nn.Conv2d(in_channels, out_channels, 1, bias=False)


class DepthwiseConv2d(nn.Conv2d):
    """A k x k depthwise convolution, "same" padding, without bias, that can be given another kernel."""

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """N x C x H x W -> N x C x H/stride x W/stride."""
        return self.convolve(x, self.weight)

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """Convolves with ``weight`` (C x 1 x k x k) in place of the module's own."""
        height, width = x.shape[2:]
        stride = self.stride[0]
        pixels = height * width
        out_pixels = _halved(height, stride) * _halved(width, stride)
        is_small = x.device.type == "cpu" and pixels * out_pixels <= _LARGEST_DENSE_PRODUCT
        # An exported network says what is computed; how best to do it is for its runtime to choose.
        if is_small and not torch.compiler.is_exporting():
            return _dense_depthwise(x, weight, stride)
        return functional.conv2d(x, weight, None, self.stride, self.padding, groups=self.groups)


def _halved(size: int, stride: int) -> int:
    return (size - 1) // stride + 1


@lru_cache
@torch.inference_mode(mode=False)  # it is kept, and may serve a training step after an inference
def _tap_index(height: int, width: int, kernel: int, stride: int) -> Tensor:
    """Index of the tap that joins each output pixel with each input pixel (O * I); k * k where none does."""

    def offsets(size: int) -> Tensor:
        centres = torch.arange(_halved(size, stride)) * stride
        return torch.arange(size) - centres[:, None] + kernel // 2

    rows, columns = offsets(height)[:, None, :, None], offsets(width)[None, :, None, :]
    inside = (rows >= 0) & (rows < kernel) & (columns >= 0) & (columns < kernel)
    return torch.where(inside, rows * kernel + columns, kernel * kernel).flatten()


def _dense_depthwise(x: Tensor, weight: Tensor, stride: int) -> Tensor:
    """The convolution as a product with its Toeplitz matrix, channel by channel.

    On maps of a few pixels the library's depthwise convolution spends its time outside the arithmetic.
    """
    batch, channels, height, width = x.shape
    kernel = weight.shape[-1]
    taps = functional.pad(weight.view(channels, kernel * kernel).t(), (0, 0, 0, 1))
    matrix = taps.index_select(0, _tap_index(height, width, kernel, stride))
    pixels = x.permute(0, 2, 3, 1).reshape(batch, 1, height * width, channels)
    y = (pixels * matrix.view(1, -1, height * width, channels)).sum(2)
    return y.view(batch, _halved(height, stride), _halved(width, stride), channels).permute(0, 3, 1, 2)


class MBConv(nn.Module):
    """Expand 1x1, depthwise k x k, optionally squeeze-and-excite, project 1x1 (Sec. III-A).

    Squeeze channels are ``se_ratio`` times the expanded channels, those that enter the SE path.

    Args:
        geometry: Channels, stride, residual.
        layer_type: Any but skip.
    """

    def __init__(self, geometry: LayerGeometry, layer_type: LayerType) -> None:
        super().__init__()
        self.geometry = geometry
        channels = geometry.in_channels * layer_type.expansion
        squeezed = int(channels * layer_type.se_ratio)
        self.expand = pointwise(geometry.in_channels, channels) if layer_type.expansion != 1 else None
        self.expand_norm = norm(channels) if self.expand else None
        self.depthwise = DepthwiseConv2d(channels, layer_type.kernel, geometry.stride)
        self.depthwise_norm = norm(channels)
        self.squeeze = nn.Linear(channels, squeezed) if squeezed else None
        self.excite = nn.Linear(squeezed, channels) if squeezed else None
        self.project = pointwise(channels, geometry.out_channels)
        self.project_norm = norm(geometry.out_channels)

    def expanded(self, x: Tensor) -> Tensor:
        """N x in x H x W -> N x (e * in) x H x W."""
        if self.expand is None or self.expand_norm is None:
            return x
        return functional.relu_(self.expand_norm(self.expand(x)))

    def forward(self, x: Tensor) -> Tensor:
        """N x in x H x W -> N x out x H/stride x W/stride."""
        y = functional.relu_(self.depthwise_norm(self.depthwise(self.expanded(x))))
        if self.squeeze is not None and self.excite is not None:
            scale = torch.sigmoid(self.excite(functional.relu_(self.squeeze(y.mean((2, 3))))))
            y = y * scale[:, :, None, None]
        projected: Tensor = self.project_norm(self.project(y))
        return x + projected if self.geometry.residual else projected


def initialise(network: nn.Module) -> None:
    """Draws all weights anew: He's normal over the fan-out in convolutions, Glorot's in linear layers.

    Residual blocks start as identities (the scale of their last BatchNorm is 0). So even few steps train the
    whole depth, and no gate is shut by the noise of a loss that is still meaningless.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.weight[0, 0].numel() * module.weight.shape[0] // module.groups
            nn.init.normal_(module.weight, 0, math.sqrt(2 / fan_out))
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, MBConv) and module.geometry.residual:
            nn.init.zeros_(module.project_norm.weight)
