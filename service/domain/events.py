"""What happened to a study and its trials, as the database remembers it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """Kinds of events.

    ``created``: a study, or a trial that now waits. ``state``: the study or trial came into another state.
    ``retry``: a trial lost its worker and waits to be tried again. ``adopted``: a dispatcher took over a
    trial that went on running. ``lease``: a dispatcher began or ended its work. ``budget``: the study's
    budget was changed. ``retargeted``: a study was made out of another one's trials. ``reused``: a trial's
    outcome was taken from an identical one. ``warning``: what keeps the study from going on came or went.
    ``webhook``: somebody was told that the study has ended, or could not be.
    """

    CREATED = "created"
    STATE = "state"
    RETRY = "retry"
    ADOPTED = "adopted"
    LEASE = "lease"
    BUDGET = "budget"
    RETARGETED = "retargeted"
    REUSED = "reused"
    WARNING = "warning"
    WEBHOOK = "webhook"


_WORDS = {
    EventKind.CREATED: "created",
    EventKind.RETRY: "worker lost, to be retried",
    EventKind.ADOPTED: "adopted while running",
    EventKind.LEASE: "change of the dispatcher",
    EventKind.BUDGET: "budget changed",
    EventKind.RETARGETED: "retargeted",
    EventKind.REUSED: "outcome reused",
    EventKind.WARNING: "warning",
    EventKind.WEBHOOK: "webhook",
}


def in_words(kind: EventKind, state: str | None, attempt: int | None) -> str:
    """An event without its detail, for people."""
    if kind is not EventKind.STATE:
        return _WORDS[kind]
    again = f", attempt {attempt}" if state == "running" and attempt is not None and attempt > 1 else ""
    return f"{state}{again}"


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event.

    Attributes:
        id: Key in the database; later events of a study have higher ones.
        at: UTC.
        kind: What kind of thing happened.
        trial: Number of the trial that it happened to; None: to the study itself.
        attempt: Attempt that the trial was at, or None.
        state: State that the study or the trial is in from then on, or None.
        detail: Reasons and figures in words; of a trial that begins to run, its worker's name; or None.
    """

    id: int
    at: datetime
    kind: EventKind
    trial: int | None
    attempt: int | None
    state: str | None
    detail: str | None

    @property
    def words(self) -> str:
        """The event without its detail, for people."""
        return in_words(self.kind, self.state, self.attempt)
