"""What hinged searches tell about plain ones: on which side of the aim log R lies.

A search that minimises CE + lambda * max(0, log(R / aim)) is, until R falls to its aim, the plain search with
that lambda. If it ends above the aim, so would the plain one; if it ends within, the plain one would at least
have come as far. Nothing else about a hinged search says anything about plain ones.

Each side is taken in as the normal observation that leaves the same mean and variance at its place (assumed
density filtering, Minka 2001; the formulas for the probit are Eqs. 3.58 and 3.59 of Rasmussen & Williams
2006).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from solver.composite.process import Places, Posterior

_LEAST_INFORMATION = 1e-6  # of a side over the prior's; a smaller one is rounding
_FARTHEST = 30.0  # deviations; beyond, the hazard would be lost in rounding


@dataclass(frozen=True)
class Side:
    """Outcomes at ``u``, ``h`` (see :class:`Places`) are at most ``bound``, or at least."""

    u: float
    h: float
    bound: float
    at_most: bool


def within_sides(posterior: Posterior, sides: Sequence[Side]) -> Posterior:
    """The posterior that also knows the sides on which outcomes lie, taken in one after the other."""
    for side in sides:
        place = Places(np.array([side.u]), np.array([side.h]))
        mean, variance = posterior.marginals(place)
        spread = np.sqrt(variance + posterior.process.noise_variance(place))
        sign = -1.0 if side.at_most else 1.0
        z = np.clip(sign * (mean - side.bound) / spread, -_FARTHEST, _FARTHEST)
        # The ratio of the normal density to its distribution function.
        hazard = np.exp(-(z**2) / 2 - np.log(2 * np.pi) / 2 - log_ndtr(z))
        told = variance / spread**2 * hazard * (z + hazard)  # share of the variance that the side removes
        told = np.clip(told, _LEAST_INFORMATION, 1 - _LEAST_INFORMATION)
        moved = mean + sign * variance * hazard / spread
        noise = variance * (1 - told) / told
        posterior = posterior.observing(place, mean + (moved - mean) / told, noise)
    return posterior
