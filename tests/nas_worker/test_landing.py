from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas_worker.landing import nearest_architecture
from nas_worker.platform import load_platform
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.space import LARGEST, Architecture, allowed_types
from nas_worker.superkernel import architecture_gates, gated_architecture
from tests.nas_worker.strategies import architectures

PIXEL1 = load_platform("pixel1")


def margins_of(architecture: Architecture, size: float = 1.0) -> Tensor:
    """Margins of one size that select the architecture."""
    return (2 * architecture_gates(architecture) - 1) * size


def runtime_ms(margins: Tensor, target_ms: float) -> float:
    return architecture_runtime_ms(PIXEL1, nearest_architecture(margins, PIXEL1, target_ms))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(33, 152))
def test_it_lies_just_within_any_target_that_can_be_reached(seed: int, target_ms: float) -> None:
    margins = torch.randn(20, 5, generator=torch.Generator().manual_seed(seed))
    assert 0.99 * target_ms <= runtime_ms(margins, target_ms) <= target_ms


@given(architectures)
def test_an_architecture_that_is_near_enough_stays(architecture: Architecture) -> None:
    for share in (1, 0.995, 0.9901):
        target_ms = architecture_runtime_ms(PIXEL1, architecture) / share
        assert nearest_architecture(margins_of(architecture), PIXEL1, target_ms) == architecture


def test_targets_below_all_architectures_give_the_fastest() -> None:
    largest = margins_of(Architecture.uniform(LARGEST))
    for target_ms in (1e-3, PIXEL1.base_ms, PIXEL1.min_ms - 0.1):
        assert runtime_ms(largest, target_ms) == pytest.approx(PIXEL1.min_ms)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.86, 0.99))
def test_no_architecture_within_the_target_is_nearer(seed: int, share: float) -> None:
    margins = margins_of(Architecture.uniform(LARGEST), 1e3)
    margins[:2] = torch.rand(2, 5, generator=torch.Generator().manual_seed(seed)) * 2 - 0.5
    before = gated_architecture((margins > 0).float())
    target_ms = share * PIXEL1.max_ms
    found = nearest_architecture(margins, PIXEL1, target_ms)

    def distance(architecture: Architecture) -> float:
        flipped = architecture_gates(architecture) != (margins > 0)
        for row, layer_type in zip(flipped, architecture.layers, strict=True):
            row[[0, 2, 3, 4] if layer_type.is_skip else [4] if not layer_type.se_ratio else []] = False
        return float((margins.abs() * flipped)[1:].sum() + (margins.abs() * flipped)[0, [0, 2, 3, 4]].sum())

    others = [
        Architecture((*pair, *before.layers[2:])) for pair in product(allowed_types(1), allowed_types(2))
    ]
    near = [a for a in others if 0.9902 <= architecture_runtime_ms(PIXEL1, a) / target_ms <= 0.9998]
    assert all(distance(found) <= distance(other) + 1e-4 for other in near)
