from random import Random

import pytest
import torch
from torch import nn
from torch.nn import functional

from nas_worker.blocks import initialise
from nas_worker.space import GATES, LAYER_TYPES, SEARCHABLE, Architecture, LayerType, MacroArchitecture
from nas_worker.super_block import GatePlacement
from nas_worker.superkernel import architecture_gates
from nas_worker.supernet import Supernet, derive
from tests.nas_worker.supernets import MACRO, PLACEMENTS, nearly_uniform, random_supernet


def select(supernet: Supernet, architecture: Architecture) -> None:
    """Moves the thresholds so that the supernet's own gates select the architecture."""
    with torch.no_grad():
        supernet.thresholds.copy_(torch.where(architecture_gates(architecture) > 0, -1.0, 1e3))


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
    rows = zip(supernet.super_blocks(), supernet.gated_weights(gates), SEARCHABLE, strict=True)
    for block, parts, layer in rows:
        side = 8 if layer <= 5 else 4 if layer <= 9 else 2
        x = torch.randn(3, block.geometry.in_channels, side, side, dtype=torch.float64)
        torch.testing.assert_close(block.gated(x, parts), derived.blocks[layer](x), rtol=1e-9, atol=1e-9)


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
