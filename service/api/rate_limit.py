"""How many requests a caller may make: a token bucket for each, in this process."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

_MAX_CALLERS = 10_000
_ROUNDING = 1e-6  # a caller who waited as long as told is let in, whatever the sums of floats say


class RateLimiter:
    """Buckets that hold a minute's worth of requests and are refilled steadily. For one thread.

    Args:
        per_minute: Requests a minute; so many may also come at once.
        clock: Seconds, growing.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> int:
        """Takes one request from a caller's bucket.

        Returns:
            0, or in how many whole seconds to come back.
        """
        now = self._clock()
        level, filled_at = self._buckets.pop(caller, (float(self.per_minute), now))
        per_second = self.per_minute / 60
        level = min(float(self.per_minute), level + (now - filled_at) * per_second)
        is_allowed = level >= 1 - _ROUNDING
        self._buckets[caller] = (level - 1 if is_allowed else level, now)
        if len(self._buckets) > _MAX_CALLERS:
            self._buckets.popitem(last=False)  # has been idle for longest, so its bucket is the fullest
        return 0 if is_allowed else math.ceil((1 - level) / per_second)
