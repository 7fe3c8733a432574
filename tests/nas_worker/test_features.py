from random import Random

import pytest
import torch

from nas_worker.baselines import baseline
from nas_worker.blocks import MBConv
from nas_worker.convnet import ConvNet, PlainNetwork
from nas_worker.export.weights import fresh_convnet
from nas_worker.features import LEVELS, FeatureMaps
from nas_worker.mobilenet_v2 import MobileNetV2
from nas_worker.space import Architecture, MacroArchitecture

MACRO = MacroArchitecture(width=0.25, image_size=64, image_channels=3, classes=10)


def networks() -> list[PlainNetwork]:
    sampled = Architecture.sample(Random(3))  # with skipped layers
    return [
        fresh_convnet(MACRO, sampled, 0),
        fresh_convnet(MACRO, baseline("mnasnet-b1"), 1),
        MobileNetV2(MACRO).eval(),
    ]


@pytest.mark.parametrize("network", networks(), ids=["sampled", "mnasnet", "mobilenet"])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 160), (70, 33)])
@torch.no_grad()
def test_maps_have_their_strides_and_are_those_of_the_plain_forward(
    network: PlainNetwork, height: int, width: int
) -> None:
    images = torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))
    backbone = FeatureMaps(network).eval()
    maps = backbone(images)
    assert list(maps) == ["c2", "c3", "c4", "c5"]
    for name, stride in LEVELS.items():
        expected = (2, backbone.channels[name], -(-height // stride), -(-width // stride))
        assert tuple(maps[name].shape) == expected
    assert torch.equal(network.apply_head(maps["c5"]), network(images))
    inputs: list[torch.Tensor] = []
    strided = [block for block in network.blocks if isinstance(block, MBConv) and block.geometry.stride == 2]
    handles = [block.register_forward_pre_hook(lambda _, args: inputs.append(args[0])) for block in strided]
    network(images)
    for handle in handles:
        handle.remove()
    # What goes into a layer that halves the map is the last map of the stride before.
    for name, entered in zip(("c2", "c3", "c4"), inputs[1:], strict=True):
        assert torch.equal(maps[name], entered)


def test_gradients_reach_the_network_that_was_given() -> None:
    network = ConvNet(MACRO, baseline("mnasnet-b1"))
    backbone = FeatureMaps(network)
    assert {id(p) for p in backbone.parameters()} < {id(p) for p in network.parameters()}
    backbone(torch.randn(2, 3, 64, 64))["c5"].sum().backward()
    assert network.stem.weight.grad is not None


def test_a_network_for_small_images_is_refused() -> None:
    with pytest.raises(
        ValueError, match="images of 32 pixels has no map of stride 32; expected one for 64 pixels"
    ):
        FeatureMaps(ConvNet(MacroArchitecture(0.25, 32, 3, 10), baseline("mnasnet-b1")))
