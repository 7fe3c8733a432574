"""Networks whose choices have parameters of their own: softmax and multi-path."""

from random import Random

import pytest
import torch
from hypothesis import given
from torch import Tensor, nn
from torch.nn import functional

from nas_worker.bilevel import ChoiceNetwork
from nas_worker.convnet import ConvNet
from nas_worker.formulations.choice import ExpectedRuntime, allowed_choices, likeliest, sampled
from nas_worker.formulations.multi_path_sigmoid import SigmoidPaths
from nas_worker.formulations.multi_path_softmax import SoftmaxPaths
from nas_worker.formulations.single_path_softmax import SoftmaxSupernet
from nas_worker.platform import load_platform
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.space import LAYER_TYPES, N_SEARCHABLE, Architecture, MacroArchitecture
from nas_worker.superkernel import architecture_gates
from tests.nas_worker.strategies import architectures

MACRO = MacroArchitecture(width=0.05, image_size=8, image_channels=1, classes=10)
PIXEL1 = load_platform("pixel1")
Networks = type[SoftmaxSupernet] | type[SigmoidPaths] | type[SoftmaxPaths]
NETWORKS: tuple[Networks, ...] = (SoftmaxSupernet, SigmoidPaths, SoftmaxPaths)


def random_network(kind: Networks) -> SoftmaxSupernet | SigmoidPaths | SoftmaxPaths:
    """With parameters and BatchNorm statistics of which none is zero or one."""
    generator = torch.Generator().manual_seed(0)
    network = kind(MACRO).double()
    with torch.no_grad():
        for parameter in network.parameters():
            scale = parameter.shape[1] ** -0.5 if parameter.ndim > 1 else 0.5
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.copy_(0.3 * torch.randn(module.num_features, generator=generator))
                module.running_var.copy_(0.5 + torch.rand(module.num_features, generator=generator))
    return network


def one_hot(architecture: Architecture) -> Tensor:
    places = [LAYER_TYPES.index(kind) for kind in architecture.layers]
    return functional.one_hot(torch.tensor(places), len(LAYER_TYPES)).double()


def hard_choices(kind: Networks, architecture: Architecture) -> Tensor:
    is_gated = issubclass(kind, SoftmaxSupernet)
    return architecture_gates(architecture).double() if is_gated else one_hot(architecture)


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> Networks:
    chosen: Networks = request.param
    return chosen


@pytest.fixture(scope="module")
def network(kind: Networks) -> SoftmaxSupernet | SigmoidPaths | SoftmaxPaths:
    return random_network(kind)


@pytest.mark.parametrize("seed", range(3))
def test_at_hard_choices_it_is_the_derived_network(
    kind: Networks, network: SoftmaxSupernet | SigmoidPaths | SoftmaxPaths, seed: int
) -> None:
    architecture = Architecture.sample(Random(seed))
    images = torch.randn(4, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    derived: ConvNet = network.derived(architecture).eval()
    assert derived.architecture == architecture
    with torch.no_grad():
        ours = network.eval()(images, hard_choices(kind, architecture))
        torch.testing.assert_close(ours, derived(images), rtol=1e-9, atol=1e-9)


@given(architecture=architectures)
def test_hard_choices_stand_for_their_architecture_and_its_runtime(
    kind: Networks, network: SoftmaxSupernet | SigmoidPaths | SoftmaxPaths, architecture: Architecture
) -> None:
    choices = hard_choices(kind, architecture)
    probabilities = network.type_probabilities(choices)
    assert torch.equal(probabilities, one_hot(architecture))
    assert network.selected(choices) == architecture == likeliest(probabilities)
    runtime_ms = ExpectedRuntime(PIXEL1).double()(probabilities)
    assert runtime_ms.item() == pytest.approx(architecture_runtime_ms(PIXEL1, architecture), rel=1e-6)


def test_soft_choices_are_distributions_over_the_types_that_a_layer_may_take(
    network: SoftmaxSupernet | SigmoidPaths | SoftmaxPaths,
) -> None:
    probabilities = network.type_probabilities(network.choices())
    assert probabilities.shape == (N_SEARCHABLE, len(LAYER_TYPES))
    torch.testing.assert_close(probabilities.sum(1), torch.ones(N_SEARCHABLE, dtype=torch.float64))
    assert torch.equal(probabilities > 0, allowed_choices())


def test_expected_runtime_is_the_mean_over_samples(
    network: SoftmaxSupernet | SigmoidPaths | SoftmaxPaths,
) -> None:
    probabilities = network.type_probabilities(network.choices()).detach()
    random = Random(0)
    runtimes_ms = [architecture_runtime_ms(PIXEL1, sampled(probabilities, random)) for _ in range(2000)]
    expected_ms = ExpectedRuntime(PIXEL1).double()(probabilities).item()
    assert sum(runtimes_ms) / len(runtimes_ms) == pytest.approx(expected_ms, rel=0.01)


def test_both_terms_of_the_loss_reach_every_architecture_parameter(
    network: SoftmaxSupernet | SigmoidPaths | SoftmaxPaths,
) -> None:
    choice_network: ChoiceNetwork = network.train()
    choices = choice_network.choices()
    images = torch.randn(8, 1, 8, 8, dtype=torch.float64)
    cross_entropy = functional.cross_entropy(choice_network(images, choices), torch.arange(8))
    runtime_ms = ExpectedRuntime(PIXEL1).double()(choice_network.type_probabilities(choices))
    # On the last maps, of 2 x 2, the shell of a 5x5 kernel meets padding alone.
    for loss, layers in ((cross_entropy, 8), (runtime_ms, N_SEARCHABLE)):
        parameters = choice_network.architecture_parameters()
        for gradient in torch.autograd.grad(loss, parameters, retain_graph=True):
            assert gradient.isfinite().all()
            assert bool((gradient[:layers] != 0).any(1).all())


def test_softmax_of_kernels_is_equation_18() -> None:
    network = random_network(SoftmaxSupernet)
    assert isinstance(network, SoftmaxSupernet)
    block = next(network.super_blocks())
    p_3x3, p_5x5 = network.kernel_logits.softmax(1)[0]
    whole = block.depthwise.weight
    inner = functional.pad(whole[:, :, 1:4, 1:4], (1, 1, 1, 1))
    expected = p_3x3 * inner + p_5x5 * whole
    parts = next(iter(network.gated_weights(network.choices())))
    torch.testing.assert_close(parts.kernel, expected)
