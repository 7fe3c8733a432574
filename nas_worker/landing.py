"""Which architecture meets a target runtime with the fewest changes to what the gates select.

Gates shut several at a time, so a search that merely stops at its target stops well below it. Of all
architectures that lie just within the target the nearest one is found here.
"""

import numpy as np
import numpy.typing as npt
from torch import Tensor

from nas_worker.platform import Platform
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.space import GATES, SEARCHABLE, Architecture, LayerType, allowed_types
from nas_worker.superkernel import gated_architecture, layer_gates

_NEAR = 0.01
"""A runtime at most this share below the target is near enough."""
_BINS = 100_000
"""Resolution of runtimes; each layer's is rounded up, so that their sum never exceeds the target."""

Array = npt.NDArray[np.float64]


def nearest_architecture(margins: Tensor, platform: Platform, target_ms: float) -> Architecture:
    """The architecture within the target that the gates are nearest to.

    The distance is the sum of |margin| over the gates that would have to flip, counting those that matter to
    the layer types. Where the runtime term drives the thresholds, a gate's margin over the milliseconds that
    it saves is the time until it shuts by itself: the flips are those that the search is about to make, or
    has just made.

    Args:
        margins: 20 x 5, norms minus thresholds, columns as in ``space.GATES``.
        platform: Its table gives the runtimes.
        target_ms: In milliseconds, positive.

    Returns:
        The nearest of those with R in [0.99, 1] * target, where R within 2e-4 of either end may be passed
        over unless the gates select it; if there is none, one with about the highest R below; if all lie
        above, that with the lowest R.
    """
    selected = gated_architecture((margins > 0).to(margins))
    if (1 - _NEAR) * target_ms <= architecture_runtime_ms(platform, selected) <= target_ms:
        return selected
    types = [allowed_types(layer) for layer in SEARCHABLE]
    runtimes_ms = [
        np.array([platform.layer_ms(layer, kind) for kind in kinds])
        for layer, kinds in zip(SEARCHABLE, types, strict=True)
    ]
    distances = [
        np.array([_distance(row, kind) for kind in kinds])
        for row, kinds in zip(margins.tolist(), types, strict=True)
    ]
    budget_ms = target_ms - platform.base_ms
    chosen = _within(runtimes_ms, distances, budget_ms, budget_ms - _NEAR * target_ms)
    if chosen is None:
        chosen = [int(np.lexsort(keys)[0]) for keys in zip(distances, runtimes_ms, strict=True)]
    return Architecture(tuple(kinds[place] for kinds, place in zip(types, chosen, strict=True)))


def _distance(margins: list[float], kind: LayerType) -> float:
    """Sum of |margin| over the gates of a layer that flip for this type."""
    ignored = {"k5", "e6", "se25", "se50"} if kind.is_skip else {"se50"} if not kind.se_ratio else set()
    return sum(
        abs(margin)
        for name, margin, wanted in zip(GATES, margins, layer_gates(kind), strict=True)
        if name not in ignored and (margin > 0) != bool(wanted)
    )


def _within(costs: list[Array], distances: list[Array], budget: float, enough: float) -> list[int] | None:
    """One choice a layer, nearest in sum, with a total cost in [enough, budget] or else as high as may be.

    A knapsack with one item from each layer, by dynamic programming over the cost so far.

    Returns:
        The place of each layer's choice, or None when even the cheapest exceed the budget.
    """
    if budget <= 0:
        return None
    needed = [np.ceil(layer * (_BINS / budget)).astype(int) for layer in costs]
    best = np.full(_BINS + 1, np.inf)
    best[0] = 0.0
    choices = []
    for bins, distance in zip(needed, distances, strict=True):
        candidates = np.full((len(bins), _BINS + 1), np.inf)
        for row, cost, extra in zip(candidates, bins, distance, strict=True):
            if cost <= _BINS:
                row[cost:] = best[: _BINS + 1 - cost] + extra
        choices.append(candidates.argmin(0))
        best = candidates.min(0)
    reachable = np.flatnonzero(np.isfinite(best))
    if not reachable.size:
        return None
    rounded_up = len(costs)  # by at most one bin each
    start = min(int(reachable[-1]), max(0, int(np.ceil(enough / budget * _BINS)) + rounded_up))
    total = start + int(best[start:].argmin())
    places = []
    for bins, choice in zip(reversed(needed), reversed(choices), strict=True):
        places.append(int(choice[total]))
        total -= bins[places[-1]]
    return places[::-1]
