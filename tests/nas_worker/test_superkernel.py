import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from nas_worker.gated_ops import part_squares
from nas_worker.space import GATES, Architecture, is_skippable
from nas_worker.superkernel import (
    Gate,
    architecture_gates,
    gate,
    gated_architecture,
    kernel_parts,
    straight_through_gate,
    superkernel_gates,
)
from tests.nas_worker.strategies import architectures

CHANNELS, ROWS = 12, 8


@given(st.floats(-50, 50), st.floats(-50, 50))
def test_gate_is_a_hard_step_with_the_slope_of_a_sigmoid(norm: float, threshold: float) -> None:
    x = torch.tensor(norm, dtype=torch.float64, requires_grad=True)
    t = torch.tensor(threshold, dtype=torch.float64, requires_grad=True)
    value = gate(x, t)
    assert value.item() == float(norm > threshold)
    torch.autograd.backward(value)
    assert x.grad is not None
    assert t.grad is not None
    sigmoid = torch.sigmoid(torch.tensor(norm - threshold, dtype=torch.float64))
    assert x.grad.item() == pytest.approx(float(sigmoid * (1 - sigmoid)), abs=1e-12)
    assert t.grad.item() == -x.grad.item()


@given(architectures)
def test_gates_of_an_architecture_select_it(architecture: Architecture) -> None:
    assert gated_architecture(architecture_gates(architecture)) == architecture


def test_shut_outer_gates_win_over_open_inner_ones() -> None:
    gates = torch.ones(20, 5)
    gates[:, GATES.index("e3")] = 0
    gates[:, GATES.index("se25")] = 0
    expected = ["skip" if is_skippable(layer) else "5x5-6-0" for layer in range(1, 21)]
    assert list(gated_architecture(gates).format()) == expected


def rms(weight: Tensor) -> Tensor:
    return weight.square().mean().sqrt()


def plain_gates(
    depthwise: Tensor, squeeze: Tensor, thresholds: Tensor, keep: Tensor, *, skippable: bool
) -> Tensor:
    """Eqs. 2-4 for one layer, written with the weights themselves."""
    half, rows = depthwise.shape[0] // 2, squeeze.shape[0] // 2
    t_k5, t_e3, t_e6, t_se25, t_se50 = thresholds
    is_shell = torch.ones(5, 5, dtype=torch.bool)
    is_shell[1:4, 1:4] = False
    k5 = keep[0] * gate(rms(depthwise[:, 0, is_shell]), t_k5)
    kernel = depthwise if k5.item() else depthwise[:, :, 1:4, 1:4]
    e3 = keep[1] * gate(rms(kernel[:half]), t_e3) if skippable else torch.ones(())
    e6 = keep[2] * gate(rms(kernel[half:]), t_e6)
    se25 = keep[3] * gate(rms(squeeze[:rows]), t_se25)
    se50 = keep[4] * gate(rms(squeeze[rows:]), t_se50)
    return torch.stack([k5, e3, e6, se25, se50])


bits = st.lists(st.booleans(), min_size=5, max_size=5)


@given(shut=bits, keep=bits, skippable=st.booleans(), seed=st.integers(0, 2**16))
def test_gates_and_their_gradients_are_those_of_the_plain_equations(
    shut: list[bool], keep: list[bool], *, skippable: bool, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    depthwise, squeeze = random(CHANNELS, 1, 5, 5), random(ROWS, CHANNELS)
    thresholds = torch.tensor(shut, dtype=torch.float64) * 2  # every rms here is about 1
    kept = torch.tensor(keep, dtype=torch.float64)
    upstream = random(5)
    leaves = [tensor.requires_grad_() for tensor in (depthwise, squeeze, thresholds)]

    masks = torch.stack([part.flatten() for part in kernel_parts(depthwise)], 1)
    ours = superkernel_gates(
        part_squares(masks, depthwise, squeeze),
        torch.tensor([[CHANNELS // 2, ROWS // 2 * CHANNELS]], dtype=torch.float64),
        thresholds[None],
        kept[None],
        torch.tensor([skippable]),
    )[0]
    plain = plain_gates(depthwise, squeeze, thresholds, kept, skippable=skippable)
    expected_open = [k and not s for k, s in zip(keep, shut, strict=True)]
    expected_open[1] = expected_open[1] or not skippable
    assert ours.tolist() == plain.tolist() == [float(is_open) for is_open in expected_open]
    ours_grads = torch.autograd.grad((ours * upstream).sum(), leaves, allow_unused=True)
    plain_grads = torch.autograd.grad((plain * upstream).sum(), leaves, allow_unused=True)
    for ours_grad, plain_grad in zip(ours_grads, plain_grads, strict=True):
        assert ours_grad is not None
        assert plain_grad is not None
        torch.testing.assert_close(ours_grad, plain_grad)


def test_weights_that_are_all_zero_have_finite_gradients() -> None:
    squares = torch.zeros(1, 6, requires_grad=True)
    thresholds = torch.zeros(1, 5, requires_grad=True)
    gates = superkernel_gates(squares, torch.ones(1, 2), thresholds, None, torch.tensor([True]))
    torch.autograd.backward(gates.sum())
    assert squares.grad is not None
    assert squares.grad.isfinite().all()


@pytest.mark.parametrize("surrogate", [gate, straight_through_gate])
def test_a_fixed_gate_passes_no_gradient(surrogate: Gate) -> None:
    norm = torch.tensor([0.5, 0.5], requires_grad=True)
    thresholds = torch.tensor([-torch.inf, torch.inf], requires_grad=True)
    value = surrogate(norm, thresholds)
    torch.autograd.backward(value.sum())
    assert value.tolist() == [1.0, 0.0]
    assert norm.grad is not None
    assert norm.grad.tolist() == [0.0, 0.0]


def test_the_straight_through_gate_has_slope_one() -> None:
    norm = torch.tensor([0.5, -3.0], requires_grad=True)
    value = straight_through_gate(norm, torch.tensor([0.1, 0.1]))
    torch.autograd.backward(value.sum())
    assert value.tolist() == [1.0, 0.0]
    assert norm.grad is not None
    assert norm.grad.tolist() == [1.0, 1.0]
