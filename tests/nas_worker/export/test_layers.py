import pytest
import torch
from hypothesis import given

from nas_worker.convnet import ConvNet
from nas_worker.export.layers import layered
from nas_worker.platform import load_platform
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.space import FULL_SIZE, Architecture, MacroArchitecture
from tests.nas_worker.strategies import architectures

PIXEL1 = load_platform("pixel1")


@given(architectures)
def test_runtimes_sum_to_that_of_the_architecture(architecture: Architecture) -> None:
    net = layered(architecture, FULL_SIZE, PIXEL1)
    assert net.total_ms == pytest.approx(architecture_runtime_ms(PIXEL1, architecture))
    shares = [net.share(layer.runtime_ms) for layer in net.layers] + [net.share(net.base_ms)]
    assert sum(share or 0 for share in shares) == pytest.approx(1)
    assert [layer.stage for layer in net.layers] == [
        None,
        *(stage for stage in range(1, 6) for _ in range(4)),
        None,
    ]


def test_without_a_platform_there_are_no_runtimes() -> None:
    net = layered(Architecture.parse(["5x5-6-0.5"] * 20), FULL_SIZE)
    assert (net.total_ms, net.share(1.0), net.platform) == (None, None, None)
    assert {layer.runtime_ms for layer in net.layers} == {None}


@pytest.mark.parametrize("image_size", [8, 37, 224])
def test_sizes_are_those_of_the_network(image_size: int) -> None:
    macro = MacroArchitecture(0.1, image_size, 1, 2)
    architecture = Architecture.parse(["3x3-3-0", "skip", "5x5-3-0", "skip"] * 5)
    net, convnet = layered(architecture, macro), ConvNet(macro, architecture).eval()
    with torch.no_grad():
        features = convnet.apply_stem(torch.zeros(1, 1, image_size, image_size))
        sizes = [features.shape[-1]]
        for block in convnet.blocks:
            features = block(features)
            sizes.append(features.shape[-1])
    assert [net.stem_size, *(layer.out_size for layer in net.layers)] == sizes
