from nas_worker.profiling.accuracy import MeasuredConvNet, accuracy_of
from service.figures.latency_model import figure

FOUND = accuracy_of(
    tuple(
        MeasuredConvNet(architecture=(), measured_ms=ms, modelled_ms=1.01 * ms) for ms in (40.0, 80.0, 120.0)
    )
)


def test_a_dot_per_convnet_beside_the_line_on_which_the_model_is_right() -> None:
    line, dots = figure(FOUND, "phone").data
    assert tuple(line.x) == tuple(line.y)
    assert list(dots.x) == [40, 80, 120]
    assert list(dots.y) == [40.4, 80.8, 121.2]
    assert line.x[0] < 40
    assert line.x[1] > 121.2


def test_the_errors_stand_above() -> None:
    chart = figure(FOUND, "phone")
    assert chart.layout.title.text == "Latency model on phone"
    assert "3 random ConvNets" in chart.layout.meta["note"]
    assert "mean error 1.00 %" in chart.layout.meta["note"]
