import pytest

from nas_worker.platform import WholeConvNet, load_platform
from nas_worker.profiling.accuracy import MeasuredConvNet, accuracy_of, accuracy_of_table
from nas_worker.space import N_SEARCHABLE, SEARCHABLE


def test_errors_are_those_of_the_definitions() -> None:
    pairs = [(10.0, 11.0), (20.0, 18.0), (30.0, 30.0)]
    found = accuracy_of(
        tuple(MeasuredConvNet(architecture=(), measured_ms=a, modelled_ms=b) for a, b in pairs)
    )
    assert found.rmse_ms == pytest.approx((5 / 3) ** 0.5)
    assert found.relative_rmse == pytest.approx((5 / 3) ** 0.5 / 20)
    assert found.mean_error == pytest.approx((0.1 + 0.1 + 0) / 3)
    assert found.bias_ms == pytest.approx(-1 / 3)


def test_a_table_is_tested_on_the_convnets_that_were_measured_with_it() -> None:
    pixel1 = load_platform("pixel1")
    assert accuracy_of_table(pixel1) is None
    types = ("3x3-3-0",) * N_SEARCHABLE
    modelled_ms = pixel1.base_ms + sum(pixel1.layers[layer][0] for layer in SEARCHABLE)
    convnet = WholeConvNet(architecture=types, measured_ms=modelled_ms + 1)
    found = accuracy_of_table(pixel1.model_copy(update={"measured_convnets": (convnet,)}))
    assert found is not None
    assert found.convnets[0].modelled_ms == pytest.approx(modelled_ms)
    assert found.bias_ms == pytest.approx(-1)
