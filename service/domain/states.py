"""States of studies and trials, and which may follow which."""

from enum import StrEnum


class StudyState(StrEnum):
    """Where a study stands.

    ``pending`` has no trial yet; ``paused`` and ``cancelled`` are set at once on request, and the dispatcher
    then hands back what still runs; ``completed``, ``cancelled`` and ``failed`` are final.
    """

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_active(self) -> bool:
        """Whether the dispatcher starts trials for it."""
        return self in (StudyState.PENDING, StudyState.RUNNING)

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self in (StudyState.COMPLETED, StudyState.CANCELLED, StudyState.FAILED)


class TrialState(StrEnum):
    """Where a trial stands. ``queued`` covers waiting for resources and waiting for a retry."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (TrialState.QUEUED, TrialState.RUNNING)
