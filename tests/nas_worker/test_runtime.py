import pytest
from hypothesis import given

from nas_worker.platform import COLUMNS, load_platform
from nas_worker.runtime import RuntimeModel, architecture_runtime_ms
from nas_worker.space import LARGEST, SEARCHABLE, Architecture, LayerType, allowed_types
from nas_worker.superkernel import architecture_gates
from tests.nas_worker.strategies import architectures

PIXEL1 = load_platform("pixel1")
BASE = Architecture.uniform(LARGEST)
EVERY_LAYER_AND_TYPE = [(layer, layer_type) for layer in SEARCHABLE for layer_type in allowed_types(layer)]


def with_layer(layer: int, layer_type: LayerType) -> Architecture:
    return Architecture((*BASE.layers[: layer - 1], layer_type, *BASE.layers[layer:]))


@pytest.mark.parametrize(("layer", "layer_type"), EVERY_LAYER_AND_TYPE, ids=str)
def test_differentiable_runtime_at_hard_gates_is_the_table_sum(layer: int, layer_type: LayerType) -> None:
    architecture = with_layer(layer, layer_type)
    row = PIXEL1.layers[layer]
    column = None if layer_type.is_skip else COLUMNS.index(str(layer_type)[:5])
    expected = PIXEL1.base_ms
    for other in SEARCHABLE:
        if other != layer:
            expected += PIXEL1.layers[other][3] * PIXEL1.se_factors[other][3]
    if column is not None:
        expected += row[column] * (PIXEL1.se_factors[layer][column] if layer_type.se_ratio else 1)
    assert architecture_runtime_ms(PIXEL1, architecture) == pytest.approx(expected, abs=1e-9)
    model = RuntimeModel(PIXEL1).double()
    assert float(model(architecture_gates(architecture).double())) == pytest.approx(expected, abs=1e-5)


@given(architectures)
def test_whole_architectures_too(architecture: Architecture) -> None:
    runtime_ms = float(RuntimeModel(PIXEL1)(architecture_gates(architecture)))
    assert runtime_ms == pytest.approx(architecture_runtime_ms(PIXEL1, architecture), abs=1e-3)


@pytest.mark.parametrize("layer", SEARCHABLE)
def test_paper_form_misses_the_table_at_3x3_3_alone(layer: int) -> None:
    model = RuntimeModel(PIXEL1, "paper")
    for layer_type in allowed_types(layer):
        architecture = with_layer(layer, layer_type)
        difference = float(model(architecture_gates(architecture))) - architecture_runtime_ms(
            PIXEL1, architecture
        )
        if (layer_type.kernel, layer_type.expansion) != (3, 3):
            assert difference == pytest.approx(0, abs=1e-3)
        elif layer_type.se_ratio == 0:
            row = PIXEL1.layers[layer]
            assert difference == pytest.approx(row[2] * row[1] / row[3] - row[0], abs=1e-3)


def test_paper_form_misses_some_profiled_runtimes_by_percents() -> None:
    rows = [PIXEL1.layers[layer] for layer in SEARCHABLE]
    misses = [abs(row[2] * row[1] / row[3] / row[0] - 1) for row in rows]
    assert max(misses) > 0.03


def test_opening_a_gate_costs_its_share_of_the_table() -> None:
    gates = architecture_gates(BASE).requires_grad_()
    RuntimeModel(PIXEL1)(gates).backward()
    assert gates.grad is not None
    for layer in SEARCHABLE:
        row, factors = PIXEL1.layers[layer], PIXEL1.se_factors[layer]
        _, e3, e6, se25, se50 = gates.grad[layer - 1].tolist()
        assert e3 == pytest.approx(row[3] * factors[3], rel=1e-5)
        assert e6 == pytest.approx(
            row[3] * factors[3] - row[2] * factors[3] + row[3] * (factors[3] - factors[2]), rel=1e-4
        )
        assert se25 == pytest.approx(row[3] * (factors[3] - 1), rel=1e-4)
        assert se50 == 0
