import torch
from torch import Tensor, nn
from torch.nn import functional

from nas_worker.gated_ops import gated_squeeze, part_squares
from nas_worker.superkernel import kernel_parts

CHANNELS, ROWS = 12, 8


def masks() -> Tensor:
    return torch.stack([part.flatten() for part in kernel_parts(torch.zeros(1, dtype=torch.float64))], 1)


def test_squares_are_those_of_the_core_the_shell_and_the_halves() -> None:
    weight = torch.randn(CHANNELS, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    squeeze = torch.randn(ROWS, CHANNELS, dtype=torch.float64, requires_grad=True)
    core, shell = kernel_parts(weight)
    assert torch.equal(core + shell, torch.ones(1, 1, 5, 5, dtype=torch.float64))
    expected = []
    for part in (weight[: CHANNELS // 2], weight[CHANNELS // 2 :]):
        inner = part[:, :, 1:4, 1:4].square().sum()
        expected += [inner, part.square().sum() - inner]
    expected += [squeeze[: ROWS // 2].square().sum(), squeeze[ROWS // 2 :].square().sum()]
    ours, plain = part_squares(masks(), weight, squeeze)[0], torch.stack(expected)
    torch.testing.assert_close(ours, plain)
    upstream = torch.randn(6, dtype=torch.float64)
    grads = (torch.autograd.grad((each * upstream).sum(), [weight, squeeze]) for each in (ours, plain))
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other)


def test_parts_that_are_zero_have_gradient_zero() -> None:
    weights = [
        torch.zeros(CHANNELS, 1, 5, 5, dtype=torch.float64),
        torch.zeros(ROWS, CHANNELS, dtype=torch.float64),
    ]
    leaves = [weight.requires_grad_() for weight in weights]
    grads = torch.autograd.grad(part_squares(masks(), *leaves).sum(), leaves)
    assert not any(grad.any() for grad in grads)


def test_squeeze_under_autocast_keeps_the_type_of_the_maps_and_is_near_float32() -> None:
    linears = nn.Linear(CHANNELS, ROWS), nn.Linear(ROWS, CHANNELS)
    weights = [parameter for linear in linears for parameter in (linear.weight, linear.bias)]
    gates = [torch.ones(shape, requires_grad=True) for shape in ((CHANNELS,), (ROWS,), ())]
    images = torch.randn(4, CHANNELS, 3, 3, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        ours = gated_squeeze(images.bfloat16(), linears, *gates)
    assert ours.dtype == torch.bfloat16
    hidden = functional.relu(linears[0](images.mean((2, 3))))
    plain = images * torch.sigmoid(linears[1](hidden))[:, :, None, None]
    torch.testing.assert_close(ours.float(), plain, rtol=0.05, atol=0.05)
    ours_grads = torch.autograd.grad(ours.float().square().sum(), [images, *weights, *gates])
    plain_grads = torch.autograd.grad(plain.square().sum(), [images, *weights])
    for one, other in zip(ours_grads, plain_grads, strict=False):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.05 * float(other.abs().max()))
