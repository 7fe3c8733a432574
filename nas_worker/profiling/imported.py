"""A profile made elsewhere, such as on a phone, as a platform: is all of it there, and can it be true?"""

import itertools
import statistics
from collections.abc import Iterator

from nas_worker.errors import ProfileInputError
from nas_worker.platform import COLUMNS, Platform
from nas_worker.profiling.entries import BASE, MILLISECONDS_IN, UNITS, Profile, Unit, listed
from nas_worker.space import EXPANSIONS, KERNELS, SE_RATIOS, SEARCHABLE, LayerType

PLAUSIBLE_MS = (0.5, 10_000.0)
"""Within which the largest ConvNet of the space runs on any device that one would search for."""

_SPREAD_IN_LAYER = 30.0
"""Times the median of its layer that no entry can be; types of one layer differ by far less."""

_CORNERS = tuple((kernel, expansion) for kernel in KERNELS for expansion in EXPANSIONS)


def imported_platform(
    profile: Profile, unit: Unit, *, name: str, source: str, se_platform: Platform | None = None
) -> Platform:
    """The platform of a profile.

    Args:
        profile: Its entries.
        unit: What they were said to be in, for the message that doubts it.
        name: Of the platform.
        source: Where the numbers come from.
        se_platform: Whose SE factors are taken; by default they are those of the profile, as the mean over
            the SE ratios that it has.

    Raises:
        ProfileInputError: Entries are missing, which are listed, or their size is not plausible.
    """
    missing = list(_missing(profile, needs_se=se_platform is None))
    if missing or profile.base_ms is None:
        raise ProfileInputError(f"entries are missing: {'; '.join(missing)}")
    _check_outliers(profile)
    _check_plausible(profile, profile.base_ms, unit)
    layers = {
        layer: tuple(profile.runtimes_ms[layer, LayerType(*corner, 0.0)] for corner in _CORNERS)
        for layer in SEARCHABLE
    }
    if se_platform is None:
        factors = {
            layer: tuple(_se_factor(profile, layer, *corner) for corner in _CORNERS) for layer in SEARCHABLE
        }
        se_source = "As the runtimes; mean over the SE ratios."
    else:
        factors = dict(se_platform.se_factors)
        se_source = f"Those of {se_platform.name}: {se_platform.se_source}"
    return Platform.model_validate(
        {
            "name": name,
            "unit": "ms",
            "source": source,
            "base_ms": profile.base_ms,
            "base_note": "As given: stem, layers 0 and 21, head, classifier. A skipped layer costs 0.",
            "columns": COLUMNS,
            "layers": layers,
            "se_factors": factors,
            "se_source": se_source,
        }
    )


def warnings_of(profile: Profile) -> tuple[str, ...]:
    """Entries that are faster than those of a smaller type in the same layer."""
    return tuple(
        f"layer {layer}: {larger} ({found[layer, larger]:.4g} ms) is faster than {smaller} "
        f"({found[layer, smaller]:.4g} ms)"
        for found in (profile.runtimes_ms,)
        for layer in SEARCHABLE
        for smaller, larger in _PAIRS
        if found.get((layer, larger), float("inf")) < found.get((layer, smaller), 0.0)
    )


def _pairs() -> Iterator[tuple[LayerType, LayerType]]:
    for expansion, ratio in itertools.product(EXPANSIONS, SE_RATIOS):
        yield LayerType(3, expansion, ratio), LayerType(5, expansion, ratio)
    for kernel, ratio in itertools.product(KERNELS, SE_RATIOS):
        yield LayerType(kernel, 3, ratio), LayerType(kernel, 6, ratio)
    for (kernel, expansion), ratio in itertools.product(_CORNERS, SE_RATIOS[1:]):
        yield LayerType(kernel, expansion, 0.0), LayerType(kernel, expansion, ratio)


_PAIRS = tuple(_pairs())
"""(smaller, larger) types, one of whose parts is larger."""


def _missing(profile: Profile, *, needs_se: bool) -> Iterator[str]:
    if profile.base_ms is None:
        yield BASE
    for kernel, expansion in _CORNERS:
        without_se, *with_se = (LayerType(kernel, expansion, ratio) for ratio in SE_RATIOS)
        for types in ((without_se,), tuple(with_se))[: 1 + needs_se]:
            layers = [
                layer
                for layer in SEARCHABLE
                if not any((layer, each) in profile.runtimes_ms for each in types)
            ]
            if layers:
                yield f"{' or '.join(map(str, types))} in layers {_ranges(layers)}"


def _ranges(numbers: list[int]) -> str:
    """Numbers in rising order with runs joined: ``1-4, 7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _se_factor(profile: Profile, layer: int, kernel: int, expansion: int) -> float:
    without_se, *with_se = (
        profile.runtimes_ms.get((layer, LayerType(kernel, expansion, ratio))) for ratio in SE_RATIOS
    )
    assert without_se is not None
    return statistics.mean(runtime for runtime in with_se if runtime is not None) / without_se


def _check_outliers(profile: Profile) -> None:
    problems = []
    for layer in SEARCHABLE:
        row = {each: runtime for (index, each), runtime in profile.runtimes_ms.items() if index == layer}
        typical = statistics.median(row.values())
        problems += [
            f"layer {layer} {each} takes {runtime:.4g} ms, where {typical:.4g} ms is usual in that layer"
            for each, runtime in row.items()
            if not typical / _SPREAD_IN_LAYER < runtime < typical * _SPREAD_IN_LAYER
        ]
    if problems:
        raise ProfileInputError(f"entries that must be wrong or in another unit: {listed(problems)}")


def _check_plausible(profile: Profile, base_ms: float, unit: Unit) -> None:
    low, high = PLAUSIBLE_MS
    largest_ms = base_ms + sum(
        max(runtime for (index, _), runtime in profile.runtimes_ms.items() if index == layer)
        for layer in SEARCHABLE
    )
    if low <= largest_ms <= high:
        return
    others = [
        f"--units {other} would make that {as_other:.4g} ms"
        for other in UNITS
        if low <= (as_other := largest_ms / MILLISECONDS_IN[unit] * MILLISECONDS_IN[other]) <= high
    ]
    raise ProfileInputError(
        f"the largest ConvNet would take {largest_ms:.4g} ms with --units {unit}; expected {low:g} to "
        f"{high:g} ms. {' and '.join(others) or 'No unit makes that plausible'}"
    )
