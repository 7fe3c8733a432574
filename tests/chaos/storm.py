"""Carries out a plan of kills while studies run, until all of them have ended."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from service.domain.errors import ConflictError, DatabaseUnavailableError, NotFoundError
from service.domain.spec import StudySpec
from tests.chaos.deployment import HOLDER, Deployment
from tests.chaos.plan import Kill, Part

EPOCHS_PER_TRIAL = 4
_STALLED_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A kill that was carried out: when, in seconds from the start, at which progress, and what was hit."""

    kill: Kill
    at_seconds: float
    epochs: int
    victim: str


@dataclass
class Log:
    """What happened.

    Attributes:
        hits: Kills, in order.
        takeovers: How a holder of the lease ended, and how many seconds later the lease was held again.
        faults: What went wrong.
        seconds: How long it took.
    """

    hits: list[Hit] = field(default_factory=list)
    takeovers: list[tuple[Part, float]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


def spec(number: int, trials: int, seed: int) -> StudySpec:
    """A study of short, real searches; half of the studies run two trials at a time."""
    return StudySpec.model_validate(
        {
            "name": f"chaos-{number}",
            "target_runtime_ms": 80,
            "solver": {"kind": "random"},
            "epochs": {"min": EPOCHS_PER_TRIAL, "max": EPOCHS_PER_TRIAL},
            "budget_epochs": EPOCHS_PER_TRIAL * trials,
            "max_parallel_trials": 1 + number % 2,
            "search": {"max_train_images": 64, "width": 0.1},
            "resources": {"cpus": 0.5},
            "reuse_trials": False,
            "seed": 1000 * seed + number,
        }
    )


class Storm:
    """One run.

    Args:
        deployment: What is killed.
        studies: Ids of the studies that must complete.
        doomed: Id of a study that is cancelled and deleted after a quarter.
        say: Is told of each kill.
    """

    def __init__(
        self, deployment: Deployment, studies: Sequence[str], doomed: str, say: Callable[[Hit], None]
    ) -> None:
        self._deployment = deployment
        self._studies = studies
        self._doomed: str | None = doomed
        self._say = say
        self._epochs = 0
        self._grew_at = time.monotonic()
        self._all_ended = False
        self._leaderless: tuple[Part, float] | None = None

    def run(self, plan: Sequence[Kill]) -> Log:
        """Returns once all studies have ended, or nothing has happened for a long time."""
        log, start = Log(), time.monotonic()
        budget = sum(self._deployment.store.studies.get(s).spec.budget_epochs for s in self._studies)
        waiting, due_at = list(plan), 0.0
        while not (self._all_ended and self._doomed is None):
            self._deployment.tend()
            self._look()
            if self._leaderless is not None and self._deployment.holder() is not None:
                part, since = self._leaderless
                log.takeovers.append((part, time.monotonic() - since))
                self._leaderless = None
            now = time.monotonic()
            if now - self._grew_at > _STALLED_SECONDS:
                log.faults.append(f"no epoch has been recorded for {_STALLED_SECONDS:g} s")
                break
            if 4 * self._epochs > budget:
                self._delete_doomed()
            if waiting and self._epochs >= waiting[0].progress * budget:
                due_at = due_at or now + waiting[0].delay_seconds
                if now >= due_at and (victim := self._deployment.kill(waiting[0])) is not None:
                    log.hits.append(Hit(waiting.pop(0), now - start, self._epochs, victim))
                    self._say(log.hits[-1])
                    if HOLDER in victim:
                        self._leaderless = (log.hits[-1].kill.part, time.monotonic())
                    due_at = 0.0
            time.sleep(0.1)
        self._deployment.bring_all_back()
        log.seconds = time.monotonic() - start
        log.faults += [f"kill {kill.number} ({kill.part}) found nothing to kill" for kill in waiting]
        return log

    def _look(self) -> None:
        try:
            studies = [self._deployment.store.studies.get(study) for study in self._studies]
        except DatabaseUnavailableError:
            return
        epochs = sum(study.spent_epochs for study in studies)
        if epochs != self._epochs:
            self._epochs, self._grew_at = epochs, time.monotonic()
        self._all_ended = all(study.state.is_final for study in studies)

    def _delete_doomed(self) -> None:
        """As soon as its trials have stopped: a study that runs cannot be deleted."""
        if self._doomed is None:
            return
        try:
            studies = self._deployment.store.studies
            if not studies.get(self._doomed).state.is_final:
                studies.cancel(self._doomed)
            studies.delete(self._doomed)
        except (ConflictError, DatabaseUnavailableError):
            return
        except NotFoundError:
            pass  # the first answer was lost
        self._doomed = None
