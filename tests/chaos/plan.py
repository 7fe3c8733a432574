"""Which parts are killed and when; a seed gives the same plan again."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Part(StrEnum):
    """What can be killed, and how."""

    WORKER = "worker"
    NODE = "node"
    SERVICE = "service, kill -9"
    SERVICE_TERM = "service, SIGTERM"
    DATABASE = "database"


_WEIGHTS = {
    Part.WORKER: 9,
    Part.NODE: 3,
    Part.SERVICE: 4,
    Part.SERVICE_TERM: 3,
    Part.DATABASE: 4,
}
_LONGEST_DOWN_SECONDS = {
    Part.WORKER: 0.0,  # the service starts another one itself
    Part.NODE: 10.0,
    Part.SERVICE: 5.0,
    Part.SERVICE_TERM: 5.0,
    Part.DATABASE: 15.0,  # longer than a lease lasts
}
_FIRST, _LAST = 0.02, 0.85


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill.

    Attributes:
        number: From 1.
        part: What is killed.
        progress: The kill is due once this share of all epochs is recorded.
        delay_seconds: And this much later: not always just after an epoch was recorded.
        choice: Which one of several, in [0, 1).
        down_seconds: After this the part is started again.
    """

    number: int
    part: Part
    progress: float
    delay_seconds: float
    choice: float
    down_seconds: float


def make_plan(seed: int, kills: int, parts: Sequence[Part]) -> tuple[Kill, ...]:
    """Kills in the order in which they are due; each part's share is fixed, and every part has its turn."""
    rng = random.Random(seed)
    deck = [part for part in parts for _ in range(_WEIGHTS[part])]
    chosen = [*parts, *(rng.choice(deck) for _ in range(kills - len(parts)))][:kills]
    rng.shuffle(chosen)
    dues = sorted(rng.uniform(_FIRST, _LAST) for _ in chosen)
    return tuple(
        Kill(
            number=number,
            part=part,
            progress=due,
            delay_seconds=rng.uniform(0, 2),
            choice=rng.random(),
            down_seconds=rng.uniform(0, _LONGEST_DOWN_SECONDS[part]),
        )
        for number, (part, due) in enumerate(zip(chosen, dues, strict=True), 1)
    )
