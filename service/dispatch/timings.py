"""How long solvers take, and how long slots of studies stay empty between two trials."""

import time
from collections import deque
from collections.abc import Callable, Collection

from prometheus_client import Histogram

_SUGGESTION_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_GAP_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class Timings:
    """Histograms of one dispatcher, in no registry until somebody registers them.

    Attributes:
        suggestion_seconds: Time that a solver took for one answer, by its kind.
        gap_seconds: Time from the end of a study's trial to the start of the one that follows it in its slot:
            what the dispatcher, the solver and waiting for room cost.

    Args:
        clock: Seconds, growing.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._freed: dict[str, deque[float]] = {}
        self.suggestion_seconds = Histogram(
            "spnas_suggestion_seconds",
            "Time that a solver took for an answer.",
            ("solver",),
            buckets=_SUGGESTION_BUCKETS,
            registry=None,
        )
        self.gap_seconds = Histogram(
            "spnas_dispatch_gap_seconds",
            "Time from the end of a trial to the start of the next one of its study.",
            buckets=_GAP_BUCKETS,
            registry=None,
        )

    def slot_freed(self, study_id: str) -> None:
        """A trial of the study has ended."""
        self._freed.setdefault(study_id, deque()).append(self._clock())

    def slot_filled(self, study_id: str) -> None:
        """A trial of the study has started; the slot that has been free for longest is the one it takes."""
        freed = self._freed.get(study_id)
        if freed:
            self.gap_seconds.observe(self._clock() - freed.popleft())

    def keep(self, study_ids: Collection[str]) -> None:
        """Forgets the empty slots of studies that are no longer active: nobody waits for a trial there."""
        for study_id in self._freed.keys() - study_ids:
            del self._freed[study_id]
