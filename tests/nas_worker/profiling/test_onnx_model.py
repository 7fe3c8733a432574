import pytest
import torch
from torch import nn

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from nas_worker.blocks import MBConv  # noqa: E402
from nas_worker.convnet import ConvNet  # noqa: E402
from nas_worker.profiling.onnx_model import INPUT, onnx_model  # noqa: E402
from nas_worker.space import MBCONV_TYPES, SKIP, Architecture, LayerType, MacroArchitecture  # noqa: E402

MACRO = MacroArchitecture(0.25, 32, 3, 10)


def shaken(network: nn.Module) -> nn.Module:
    """With statistics and shifts that are not those of a fresh network."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                assert tensor is not None
                nn.init.uniform_(tensor, 0.5, 1.5)
    return network.eval()


def assert_same_outputs(network: nn.Module, shape: tuple[int, ...]) -> None:
    images = torch.randn(shape)
    session = onnxruntime.InferenceSession(onnx_model(network, shape), providers=["CPUExecutionProvider"])
    with torch.inference_mode():
        expected = network(images)
    (found,) = session.run(None, {INPUT: images.numpy()})
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("layer", [1, 2, 13])
@pytest.mark.parametrize("layer_type", MBCONV_TYPES, ids=str)
def test_a_block_is_the_same_function(layer: int, layer_type: LayerType) -> None:
    geometry = MACRO.layers[layer]
    assert_same_outputs(shaken(MBConv(geometry, layer_type)), (2, geometry.in_channels, 9, 9))


def test_a_convnet_is_the_same_function() -> None:
    types = (MBCONV_TYPES[-1], SKIP, *MBCONV_TYPES[4:6]) * 5
    assert_same_outputs(shaken(ConvNet(MACRO, Architecture(types))), (1, 3, 32, 32))


@pytest.mark.parametrize("network", [nn.Sequential(nn.Dropout()), nn.Conv2d(1, 1, 1, bias=True)])
def test_what_has_no_translation_is_refused(network: nn.Module) -> None:
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = network

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.inner(x)
            return result

    with pytest.raises(NotImplementedError, match="no ONNX operator"):
        onnx_model(Whole().eval(), (1, 1, 2, 2))
