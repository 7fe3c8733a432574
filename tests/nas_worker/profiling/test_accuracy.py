import pytest

from nas_worker.profiling.accuracy import MeasuredConvNet, accuracy_of


def test_errors_are_those_of_the_definitions() -> None:
    pairs = [(10.0, 11.0), (20.0, 18.0), (30.0, 30.0)]
    found = accuracy_of(
        tuple(MeasuredConvNet(architecture=(), measured_ms=a, modelled_ms=b) for a, b in pairs)
    )
    assert found.rmse_ms == pytest.approx((5 / 3) ** 0.5)
    assert found.relative_rmse == pytest.approx((5 / 3) ** 0.5 / 20)
    assert found.mean_error == pytest.approx((0.1 + 0.1 + 0) / 3)
    assert found.bias_ms == pytest.approx(-1 / 3)
