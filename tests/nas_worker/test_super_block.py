import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from nas_worker.space import LAYER_TYPES, LayerType, is_skippable
from nas_worker.super_block import GatedWeights, GatePlacement, SuperBlock
from nas_worker.superkernel import architecture_gates, gate
from tests.nas_worker.supernets import PLACEMENTS, nearly_uniform, random_supernet


def plain_block(block: SuperBlock, x: Tensor, gates: Tensor, placement: GatePlacement) -> Tensor:
    """The gated block written without shortcuts, in training mode."""
    assert block.expand is not None
    assert block.squeeze is not None
    assert block.excite is not None
    k5, e3, e6, se25, se50 = gates
    weight = block.depthwise.weight
    half = weight.shape[0] // 2

    def batch_norm(y: Tensor, bn: nn.BatchNorm2d | None) -> Tensor:
        assert bn is not None
        mean = y.mean((0, 2, 3), keepdim=True)
        deviation = (y.var((0, 2, 3), unbiased=False, keepdim=True) + bn.eps).sqrt()
        return (y - mean) / deviation * bn.weight[:, None, None] + bn.bias[:, None, None]

    inner = functional.pad(weight[:, :, 1:4, 1:4], (1, 1, 1, 1))
    kernel = inner + k5 * (weight - inner)
    if placement == "kernel":
        kernel = e3 * torch.cat([kernel[:half], e6 * kernel[half:]])
        e3, e6 = e3.detach(), e6.detach()
    y = torch.relu(batch_norm(functional.conv2d(x, block.expand.weight), block.expand_norm))
    y = functional.conv2d(y, kernel, stride=block.geometry.stride, padding=2, groups=2 * half)
    y = torch.relu(batch_norm(y, block.depthwise_norm))
    y = torch.cat([y[:, :half], e6 * y[:, half:]], 1)
    hidden = torch.relu(block.squeeze(y.mean((2, 3))))
    quarter = hidden.shape[1] // 4
    second = 1 - (1 - e6) * (1 - se50)
    hidden = torch.cat(
        [
            hidden[:, :quarter],
            second * hidden[:, quarter : 2 * quarter],
            e6 * se50 * hidden[:, 2 * quarter :],
        ],
        1,
    )
    scale = torch.sigmoid(block.excite(hidden))[:, :, None, None]
    y = (1 - se25) * y + se25 * y * scale
    y = batch_norm(functional.conv2d(y, block.project.weight), block.project_norm)
    return x + e3 * y if block.geometry.residual else y


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("layer", [1, 7, 20])
@pytest.mark.parametrize("layer_type", LAYER_TYPES, ids=str)
def test_gradients_are_those_of_the_plain_equations(
    layer_type: LayerType, layer: int, placement: GatePlacement
) -> None:
    if layer_type.is_skip and not is_skippable(layer):
        layer_type = LAYER_TYPES[0]
    supernet = random_supernet(placement).train()
    block = list(supernet.super_blocks())[layer - 1]
    side = 8 if layer <= 5 else 4 if layer <= 9 else 2
    x = torch.randn(6, block.geometry.in_channels, side, side, dtype=torch.float64, requires_grad=True)
    hard = architecture_gates(nearly_uniform(layer_type))[layer - 1].double()
    excess = (hard - 0.5).requires_grad_()
    gates = gate(excess, torch.zeros(5, dtype=torch.float64))
    leaves = [x, excess, *block.parameters()]
    (parts,) = GatedWeights([block], placement).double()(gates[None])
    ours, plain = block.gated(x, parts), plain_block(block, x, gates, placement)
    torch.testing.assert_close(ours, plain, rtol=1e-8, atol=1e-8)
    upstream = torch.randn_like(ours)
    ours_grads = torch.autograd.grad((ours * upstream).sum(), leaves, retain_graph=True)
    plain_grads = torch.autograd.grad((plain * upstream).sum(), leaves)
    for ours_grad, plain_grad in zip(ours_grads, plain_grads, strict=True):
        torch.testing.assert_close(ours_grad, plain_grad, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("layer", [1, 7])
def test_soft_gates_weight_the_parts_alike(layer: int) -> None:
    """Eq. 18: every product is linear in its gate, so values between 0 and 1 have the same equations."""
    block = list(random_supernet("after_norm").train().super_blocks())[layer - 1]
    x = torch.randn(6, block.geometry.in_channels, 4, 4, dtype=torch.float64, requires_grad=True)
    gates = torch.tensor([0.3, 0.9, 0.6, 0.7, 0.2], dtype=torch.float64, requires_grad=True)
    (parts,) = GatedWeights([block], "after_norm").double()(gates[None])
    ours, plain = block.gated(x, parts), plain_block(block, x, gates, "after_norm")
    torch.testing.assert_close(ours, plain, rtol=1e-8, atol=1e-8)
    upstream = torch.randn_like(ours)
    for one, other in zip(
        *(torch.autograd.grad((y * upstream).sum(), [x, gates, *block.parameters()]) for y in (ours, plain)),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-8)


def test_gates_that_are_fixed_get_no_gradient_and_weights_do() -> None:
    supernet = random_supernet("after_norm").train()
    gates = torch.full((20, 5), 0.5, dtype=torch.float64)
    images = torch.randn(6, 1, 8, 8, dtype=torch.float64)
    torch.autograd.backward(supernet(images, gates).sum())
    weights = [p for name, p in supernet.named_parameters() if name != "thresholds"]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in weights)
    assert gates.grad is None
