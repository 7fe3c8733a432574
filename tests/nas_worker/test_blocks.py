import pytest
import torch
from torch import nn
from torch.nn import functional

from nas_worker.blocks import DepthwiseConv2d, MBConv, initialise
from nas_worker.convnet import ConvNet
from nas_worker.space import LARGEST, SKIP, Architecture, LayerGeometry, MacroArchitecture


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (4, 4), (2, 2), (3, 5), (2, 3), (1, 1)])
def test_depthwise_convolution_is_exact_on_small_and_large_maps(
    kernel: int, stride: int, height: int, width: int
) -> None:
    convolution = DepthwiseConv2d(6, kernel, stride).double()
    x = torch.randn(2, 6, height, width, dtype=torch.float64, requires_grad=True)
    expected = functional.conv2d(x, convolution.weight, stride=stride, padding=kernel // 2, groups=6)
    y = convolution(x)
    torch.testing.assert_close(y, expected)
    leaves = [x, convolution.weight]
    upstream = torch.randn_like(y)
    for ours, theirs in zip(
        torch.autograd.grad(y, leaves, upstream), torch.autograd.grad(expected, leaves, upstream), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


def test_training_after_an_inference_on_maps_of_a_size_that_is_new() -> None:
    convolution = DepthwiseConv2d(2, 3, 1)
    x = torch.randn(1, 2, 1, 7)
    with torch.inference_mode():
        convolution(x)
    convolution(x).sum().backward()
    assert convolution.weight.grad is not None


def test_residual_blocks_start_as_identities() -> None:
    block = MBConv(LayerGeometry(2, 8, 8, 1, residual=True), LARGEST)
    initialise(block)
    x = torch.randn(2, 8, 4, 4)
    assert torch.equal(block(x), x)


def test_convnet_leaves_skipped_layers_out() -> None:
    macro = MacroArchitecture(0.25, 8, 1, 10)
    stage = (LARGEST, SKIP, SKIP, SKIP)
    convnet = ConvNet(macro, Architecture(stage * 5))
    kinds = [type(block) for block in convnet.blocks]
    assert kinds == [MBConv, *[MBConv, nn.Identity, nn.Identity, nn.Identity] * 5, MBConv]
    assert convnet(torch.randn(3, 1, 8, 8)).shape == (3, 10)
