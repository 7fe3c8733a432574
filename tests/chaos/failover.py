"""Kills the replica that holds the lease, and measures how long it takes until another one works."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from service.domain.events import EventKind
from service.domain.records import StudyRecord, TrialRecord
from service.domain.spec import StudySpec
from service.domain.states import TrialState
from tests.chaos.deployment import Deployment

TARGET_SECONDS = 15.0
_TRIALS = 2
_SPEC = StudySpec.model_validate(
    {
        "name": "fail-over",
        "target_runtime_ms": 80,
        "solver": {"kind": "random"},
        "epochs": {"min": 150, "max": 150},
        "budget_epochs": 150 * _TRIALS,
        "max_parallel_trials": _TRIALS,
        "search": {"max_train_images": 64, "width": 0.1},
        "resources": {"cpus": 0.5},
        "reuse_trials": False,
    }
)


@dataclass(frozen=True, slots=True)
class FailOver:
    """How a fail-over went.

    Attributes:
        seconds: From kill -9 until another replica held the lease.
        seconds_to_epoch: From kill -9 until it had recorded an epoch.
        faults: What did not hold; none: both trials went on, on their worker and in their attempt.
    """

    seconds: float
    seconds_to_epoch: float
    faults: tuple[str, ...]


def measure(deployment: Deployment) -> tuple[FailOver, StudyRecord]:
    """Kills the holder while two trials run; returns also their study, which runs on."""
    store = deployment.store
    study, _ = store.studies.create(_SPEC)

    def run(least_epochs: int) -> bool:
        trials = store.trials.history(study.id)
        return len(trials) == _TRIALS and all(
            t.state is TrialState.RUNNING and t.epochs_done >= least_epochs for t in trials
        )

    _wait(deployment, lambda: all(replica.has_listened for replica in deployment.replicas), "all listen")
    _wait(deployment, lambda: run(2), "two trials run")
    old = deployment.holder()
    assert old is not None
    before = store.trials.history(study.id)
    old.is_down_on_purpose = True
    old.process.kill()
    start = time.monotonic()
    _wait(deployment, lambda: deployment.holder() not in (None, old), "another replica holds the lease")
    seconds = time.monotonic() - start
    done = max(trial.epochs_done for trial in before)
    _wait(deployment, lambda: run(done + 1), "epochs are recorded again")
    seconds_to_epoch = time.monotonic() - start
    old.launch()
    faults = [*_differences(before, store.trials.history(study.id))]
    adopted = [e for e in store.events.list(study.id, page_size=1000).items if e.kind is EventKind.ADOPTED]
    if len(adopted) != _TRIALS:
        faults.append(f"{len(adopted)} of {_TRIALS} trials were adopted")
    if seconds > TARGET_SECONDS:
        faults.append(f"the fail-over took {seconds:.1f} s, more than {TARGET_SECONDS:g} s")
    return FailOver(seconds, seconds_to_epoch, tuple(f"fail-over: {f}" for f in faults)), study


def _differences(before: tuple[TrialRecord, ...], after: tuple[TrialRecord, ...]) -> list[str]:
    was, now = ([(t.number, t.attempt, t.crashes, t.worker) for t in trials] for trials in (before, after))
    return [] if was == now else [f"(trial, attempt, crashes, worker) was {was}, is {now}"]


def _wait(deployment: Deployment, condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within 120 s: {what}; {deployment.faults}")
        deployment.tend()
        time.sleep(0.05)
