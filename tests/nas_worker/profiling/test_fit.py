import pytest

from nas_worker.errors import ProfileError
from nas_worker.platform import COLUMNS, Platform
from nas_worker.profiling.evaluate import evaluate
from nas_worker.profiling.fit import fit_platform, run_spread
from nas_worker.profiling.subjects import block_key, chain_key, measured_layers
from nas_worker.space import EXPANSIONS, KERNELS, SEARCHABLE, LayerType, allowed_types
from tests.nas_worker.profiling.clocked import BASE_MS, CALL_MS, SETTINGS, exact, layer_ms, true_ms


def test_a_platform_that_is_true_is_found_again() -> None:
    platform = fit_platform(exact(), "mine")
    measured = measured_layers(SETTINGS.macro)
    assert platform.base_ms == pytest.approx(BASE_MS, abs=1e-4)
    for layer in SEARCHABLE:
        for layer_type in allowed_types(layer):
            assert platform.layer_ms(layer, layer_type) == pytest.approx(
                layer_ms(measured[layer], layer_type), rel=1e-5
            )
    assert tuple(f"{k}x{k}-{e}" for k in KERNELS for e in EXPANSIONS) == COLUMNS


def test_the_file_reads_back_and_says_how_it_was_measured() -> None:
    platform = fit_platform(exact(), "mine")
    assert Platform.from_json(platform.to_json()) == platform
    for part in ("back end torch", "a clock", "threads 1", "batch 1", "size 224", "wall clock", "3 rounds"):
        assert part in platform.source


def test_a_true_sum_has_no_error() -> None:
    accuracy = evaluate(exact(), fit_platform(exact(), "mine"))
    assert len(accuracy.convnets) == SETTINGS.evaluation
    assert accuracy.mean_error < 1e-5
    assert accuracy.rmse_ms < 1e-3


def test_a_se_factor_is_the_mean_over_both_ratios() -> None:
    quarter, half = (block_key(1, LayerType(3, 6, ratio)) for ratio in (0.25, 0.5))
    plain_ms = layer_ms(1, LayerType(3, 6, 0))
    changed = {quarter: CALL_MS + 1.1 * plain_ms, half: CALL_MS + 1.5 * plain_ms}
    measurements = exact()
    seconds = measurements.seconds | {key: (ms / 1000,) * 6 for key, ms in changed.items()}
    platform = fit_platform(measurements.model_copy(update={"seconds": seconds}), "mine")
    assert platform.se_factors[1][COLUMNS.index("3x3-6")] == pytest.approx(1.3, rel=1e-5)


def test_another_percentile_takes_faster_runs() -> None:
    measurements = exact()
    seconds = {key: (*runs[1:], runs[0] / 2) for key, runs in measurements.seconds.items()}
    uneven = measurements.model_copy(update={"seconds": seconds})
    assert fit_platform(uneven, "mine").base_ms == pytest.approx(BASE_MS, abs=1e-4)
    fastest = fit_platform(uneven, "mine", 0)
    assert fastest.base_ms == pytest.approx(BASE_MS / 2, abs=1e-4)
    assert evaluate(uneven, fastest, 0).mean_error < 1e-5
    assert "percentile 0 of" in fastest.source


def test_a_few_slow_runs_change_nothing() -> None:
    measurements = exact()
    seconds = {key: (runs[0] * 50, *runs[1:-1], runs[0] * 9) for key, runs in measurements.seconds.items()}
    disturbed = measurements.model_copy(update={"seconds": seconds})
    assert fit_platform(disturbed, "mine") == fit_platform(measurements, "mine")
    assert (run_spread(measurements), run_spread(disturbed) > 0.1) == (0, True)


@pytest.mark.parametrize("ratio", [0.0, 0.25, 0.5])
def test_a_chain_that_takes_no_longer_than_one_block_is_refused(ratio: float) -> None:
    measurements = exact()
    kind = LayerType(5, 3, ratio)
    free = {chain_key(6, kind): measurements.seconds[block_key(6, kind)]}
    with pytest.raises(ProfileError, match="layer 6, 5x5-3, took no longer than a call"):
        fit_platform(measurements.model_copy(update={"seconds": measurements.seconds | free}), "mine")


@pytest.mark.parametrize("ratio", [0.0, 0.25, 0.5])
def test_a_layer_that_costs_nothing_is_refused(ratio: float) -> None:
    measurements = exact()
    free = {block_key(5, LayerType(5, 3, ratio)): (CALL_MS / 1000,) * 6}
    with pytest.raises(ProfileError, match="layer 5, 5x5-3, took no longer than a call"):
        fit_platform(measurements.model_copy(update={"seconds": measurements.seconds | free}), "mine")


def test_convnets_that_are_faster_than_their_layers_are_refused() -> None:
    fast = {key: (1e-3,) * 6 for key in true_ms() if key.startswith("calibration")}
    measurements = exact()
    with pytest.raises(ProfileError, match="ms less than the sum of their layers"):
        fit_platform(measurements.model_copy(update={"seconds": measurements.seconds | fast}), "mine")
