from random import Random

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from nas_worker.blocks import initialise
from nas_worker.space import (
    GATES,
    LAYER_TYPES,
    SEARCHABLE,
    Architecture,
    LayerType,
    MacroArchitecture,
    allowed_types,
    is_skippable,
)
from nas_worker.superkernel import architecture_gates, gate
from nas_worker.supernet import GatePlacement, SuperBlock, Supernet, derive

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


def select(supernet: Supernet, architecture: Architecture) -> None:
    """Moves the thresholds so that the supernet's own gates select the architecture."""
    with torch.no_grad():
        supernet.thresholds.copy_(torch.where(architecture_gates(architecture) > 0, -1.0, 1e3))


def nearly_uniform(layer_type: LayerType) -> Architecture:
    """The type in every layer that may take it; the largest type elsewhere."""
    return Architecture(
        tuple(layer_type if layer_type in allowed_types(i) else LAYER_TYPES[11] for i in SEARCHABLE)
    )


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("layer_type", LAYER_TYPES, ids=str)
def test_block_at_hard_gates_is_the_derived_block_in_all_20_layers(
    layer_type: LayerType, placement: GatePlacement
) -> None:
    supernet = random_supernet(placement).eval()
    architecture = nearly_uniform(layer_type)
    select(supernet, architecture)
    assert supernet.architecture() == architecture
    derived = derive(supernet, architecture).eval()
    gates = supernet.gates()
    for block, row, layer in zip(supernet.super_blocks(), gates, SEARCHABLE, strict=True):
        side = 8 if layer <= 5 else 4 if layer <= 9 else 2
        x = torch.randn(3, block.geometry.in_channels, side, side, dtype=torch.float64)
        torch.testing.assert_close(block.gated(x, row), derived.blocks[layer](x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("seed", range(4))
def test_whole_random_architectures_are_the_same_function(seed: int, placement: GatePlacement) -> None:
    macro = MacroArchitecture(width=0.5, image_size=16, image_channels=3, classes=7)
    supernet = random_supernet(placement, macro).eval()
    architecture = Architecture.sample(Random(seed))
    select(supernet, architecture)
    images = torch.randn(4, 3, 16, 16, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    expected = derive(supernet, architecture).eval()(images)
    torch.testing.assert_close(supernet(images, supernet.gates()), expected, rtol=1e-9, atol=1e-9)


def test_derived_layers_have_the_size_of_their_type() -> None:
    supernet = random_supernet("after_norm")
    for layer_type in LAYER_TYPES[:12]:
        derived = derive(supernet, Architecture.uniform(layer_type))
        shapes = {name: tuple(weight.shape) for name, weight in derived.state_dict().items()}
        for layer in SEARCHABLE:
            channels = MACRO.layers[layer].in_channels * layer_type.expansion
            kernel = (channels, 1, layer_type.kernel, layer_type.kernel)
            assert shapes[f"blocks.{layer}.depthwise.weight"] == kernel
            squeezed = shapes.get(f"blocks.{layer}.squeeze.weight")
            expected = (int(layer_type.se_ratio * channels), channels) if layer_type.se_ratio else None
            assert squeezed == expected


def test_derived_network_owns_its_weights() -> None:
    supernet = random_supernet("after_norm")
    before = {name: tensor.clone() for name, tensor in supernet.state_dict().items()}
    derived = derive(supernet, supernet.architecture()).train()
    derived(torch.randn(4, 1, 8, 8, dtype=torch.float64))
    with torch.no_grad():
        for parameter in derived.parameters():
            parameter.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in supernet.state_dict().items())


def plain_block(block: SuperBlock, x: Tensor, gates: Tensor) -> Tensor:
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
    if block.placement == "kernel":
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
    ours, plain = block.gated(x, gates), plain_block(block, x, gates)
    torch.testing.assert_close(ours, plain, rtol=1e-8, atol=1e-8)
    upstream = torch.randn_like(ours)
    ours_grads = torch.autograd.grad((ours * upstream).sum(), leaves, retain_graph=True)
    plain_grads = torch.autograd.grad((plain * upstream).sum(), leaves)
    for ours_grad, plain_grad in zip(ours_grads, plain_grads, strict=True):
        torch.testing.assert_close(ours_grad, plain_grad, rtol=1e-7, atol=1e-8)


def test_loss_reaches_every_threshold_after_norm_and_hardly_on_the_kernel() -> None:
    sizes = {}
    for placement in PLACEMENTS:
        torch.manual_seed(0)
        supernet = Supernet(MACRO, placement).train()
        initialise(supernet)
        for block in supernet.super_blocks():
            nn.init.ones_(block.project_norm.weight)
        images, labels = torch.randn(64, 1, 8, 8), torch.randint(10, (64,))
        torch.autograd.backward(functional.cross_entropy(supernet(images, supernet.gates()), labels))
        gradients = supernet.thresholds.grad
        assert gradients is not None
        sizes[placement] = dict(zip(GATES, gradients.abs().mean(0).tolist(), strict=True))
    for name in ("e3", "e6"):
        assert sizes["after_norm"][name] > 30 * sizes["kernel"][name]
    assert min(sizes["after_norm"].values()) > 1e-4


def test_margins_are_positive_where_gates_are_open() -> None:
    supernet = random_supernet("after_norm")
    with torch.no_grad():
        supernet.thresholds.copy_(torch.rand(20, 5, generator=torch.Generator().manual_seed(1)) * 0.6)
    is_open, margins = supernet.gates() > 0, supernet.margins()
    assert 0.2 < is_open.double().mean() < 0.8
    free = torch.ones(20, 5, dtype=torch.bool)
    free[~supernet.skippable, GATES.index("e3")] = False
    assert torch.equal((margins > 0)[free], is_open[free])


def test_fixed_architecture_is_out_of_reach_of_weights_and_gradients() -> None:
    supernet = random_supernet("after_norm").train()
    architecture = Architecture.sample(Random(3))
    assert not supernet.is_fixed
    supernet.fix(architecture)
    assert supernet.is_fixed
    images, labels = torch.randn(16, 1, 8, 8, dtype=torch.float64), torch.randint(10, (16,))
    torch.autograd.backward(functional.cross_entropy(supernet(images, supernet.gates()), labels))
    for parameter in supernet.parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all()
    assert supernet.thresholds.grad is not None
    assert not supernet.thresholds.grad.any()
    with torch.no_grad():
        for block in supernet.super_blocks():
            block.depthwise.weight.mul_(1e3)
    assert supernet.architecture() == architecture
