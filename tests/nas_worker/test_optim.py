import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from nas_worker.optim import RMSPropTF, weight_groups

gradients = st.lists(st.floats(-10, 10), min_size=1, max_size=8)


@given(gradients, st.floats(-3, 3), st.floats(0, 0.1))
def test_steps_are_those_of_tensorflows_formula(
    grads: list[float], start: float, weight_decay: float
) -> None:
    weight = nn.Parameter(torch.tensor([start], dtype=torch.float64))
    optimizer = RMSPropTF([weight], lr=0.05, weight_decay=weight_decay)
    expected, mean_square, moment = start, 1.0, 0.0
    for grad in grads:
        weight.grad = torch.tensor([grad], dtype=torch.float64)
        optimizer.step()
        total = grad + weight_decay * expected
        mean_square = 0.9 * mean_square + 0.1 * total**2
        moment = 0.9 * moment + 0.05 * total / math.sqrt(mean_square + 1e-3)
        expected -= moment
        assert weight.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_state_round_trips_to_the_last_bit() -> None:
    def steps(network: nn.Module, optimizer: RMSPropTF, count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            torch.autograd.backward(network(torch.ones(2, 3)).square().sum())
            optimizer.step()

    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    optimizer = RMSPropTF(weight_groups(network, 1e-4), lr=0.01)
    steps(network, optimizer, 3)
    resumed = copy.deepcopy(network)
    resumed_optimizer = RMSPropTF(weight_groups(resumed, 1e-4), lr=0.01)
    resumed_optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    steps(network, optimizer, 3)
    steps(resumed, resumed_optimizer, 3)
    assert torch.equal(network.weight, resumed.weight)
    assert torch.equal(network.bias, resumed.bias)


def test_only_matrices_decay_and_every_parameter_is_in_one_group() -> None:
    convolution, linear = nn.Conv2d(1, 4, 3), nn.Linear(4, 2)
    network = nn.Sequential(convolution, nn.BatchNorm2d(4), linear)
    decaying, plain = weight_groups(network, 0.5, exclude=[linear.weight])
    assert decaying["weight_decay"] == 0.5
    assert [id(p) for p in decaying["params"]] == [id(convolution.weight)]
    assert "weight_decay" not in plain
    assert len(plain["params"]) == len(list(network.parameters())) - 2


def test_parameters_without_a_gradient_stay() -> None:
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = RMSPropTF([used, unused], lr=0.1)
    torch.autograd.backward(used.sum())
    optimizer.step()
    assert (used < 1).all()
    assert torch.equal(unused, torch.ones(2))
