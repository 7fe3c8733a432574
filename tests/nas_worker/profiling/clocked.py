"""A machine whose runtimes are known: a back end that moves its own clock, the one seam of these tests."""

from collections.abc import Callable

from nas_worker.profiling.backends import Run
from nas_worker.profiling.measurements import Measurements
from nas_worker.profiling.settings import ProfileSettings
from nas_worker.profiling.subjects import (
    CALL,
    CHAINED,
    Subject,
    block_key,
    calibration_architectures,
    calibration_key,
    chain_key,
    evaluation_architectures,
    evaluation_key,
    measured_layers,
)
from nas_worker.space import MBCONV_TYPES, SEARCHABLE, Architecture, LayerType, is_skippable

CALL_MS = 0.25
EDGES_MS = 0.5
"""What a layer that can be skipped bears alone, for the input and the output of a network."""
BASE_MS = 5.0

SETTINGS = ProfileSettings(rounds=3, repeats=2, calibration=3, evaluation=4)


def layer_ms(layer: int, layer_type: LayerType) -> float:
    """What a type truly costs in a layer that is measured; the ratios 0.25 and 0.5 cost the same."""
    if layer_type.is_skip:
        return 0.0
    plain = (1 + layer / 10) * layer_type.expansion * (layer_type.kernel + 1) / 4
    return plain * (1.0 + (0.1 + layer / 100 if layer_type.se_ratio else 0))


def convnet_ms(architecture: Architecture, settings: ProfileSettings = SETTINGS) -> float:
    """What a ConvNet truly takes."""
    measured = measured_layers(settings.macro)
    return BASE_MS + sum(
        layer_ms(measured[layer], layer_type)
        for layer, layer_type in zip(SEARCHABLE, architecture.layers, strict=True)
    )


def true_ms(settings: ProfileSettings = SETTINGS) -> dict[str, float]:
    """Subject's key -> milliseconds of a run."""
    found = {CALL: CALL_MS}
    for layer in set(measured_layers(settings.macro).values()):
        once_ms = CALL_MS + (EDGES_MS if is_skippable(layer) else 0)
        for each in MBCONV_TYPES:
            found[block_key(layer, each)] = once_ms + layer_ms(layer, each)
            if is_skippable(layer):
                found[chain_key(layer, each)] = once_ms + CHAINED * layer_ms(layer, each)
    for key, architectures in (
        (calibration_key, calibration_architectures(settings)),
        (evaluation_key, evaluation_architectures(settings)),
    ):
        found |= {key(number): convnet_ms(each, settings) for number, each in enumerate(architectures)}
    return found


class ClockedBackend:
    """Takes known times. ``slowness`` is how much longer a run takes at a moment (seconds) than it should."""

    device = "a clock"

    def __init__(
        self, times_ms: dict[str, float] | None = None, slowness: Callable[[float], float] = lambda now: 1.0
    ) -> None:
        self.now = 0.0
        self.visits: list[str] = []
        self.prepared: list[str] = []
        self._times_ms = true_ms() if times_ms is None else times_ms
        self._slowness = slowness

    def timer(self) -> float:
        return self.now

    def prepare(self, subject: Subject) -> Run:
        self.prepared.append(subject.key)

        def run() -> None:
            self.visits.append(subject.key)
            self.now += self._times_ms[subject.key] / 1000 * self._slowness(self.now)

        return run


def nothing_yet(settings: ProfileSettings = SETTINGS) -> Measurements:
    """Measurements without a round."""
    return Measurements(settings=settings, environment={"machine": "a clock"}, rounds_done=0, seconds={})


def exact(settings: ProfileSettings = SETTINGS) -> Measurements:
    """Complete measurements in which every run took its true time."""
    runs = settings.rounds * settings.repeats
    seconds = {key: (time_ms / 1000,) * runs for key, time_ms in true_ms(settings).items()}
    return nothing_yet(settings).model_copy(update={"rounds_done": settings.rounds, "seconds": seconds})
