"""What must hold once all studies have ended, whatever was killed: each check returns what does not."""

import time
from collections.abc import Callable
from pathlib import Path

import ray
from ray.util import list_named_actors

from nas_worker.job import EpochReport, SearchJob
from nas_worker.search import run_search
from nas_worker.search_log import log_path
from service.db.store import Store
from service.domain.history import observations
from service.domain.records import StudyRecord, TrialRecord
from service.domain.states import StudyState, TrialState


def check_study(store: Store, study_id: str) -> list[str]:
    """The study completed, no trial was lost or doubled, and each epoch is there and counted once.

    Its solver must be ``random``: what it proposes depends on the number of the trial only.
    """
    study = store.studies.get(study_id)
    trials = store.trials.history(study_id)
    faults = []
    if study.state is not StudyState.COMPLETED:
        faults.append(f"it is {study.state}: {study.error}")
    expected = study.spec.budget_epochs // study.spec.epochs.max
    if [trial.number for trial in trials] != list(range(expected)):
        faults.append(f"its trials are {[trial.number for trial in trials]}, not 0 to {expected - 1}")
    unique = set()
    for trial in trials:
        epochs = [record.report.epoch for record in store.trials.epochs(study_id, trial.number)]
        unique |= {(trial.number, epoch) for epoch in epochs}
        faults += _check_trial(study, trial, epochs, trials[: trial.number])
    if study.spent_epochs != len(unique):
        faults.append(f"{study.spent_epochs} epochs are spent, but {len(unique)} (trial, epoch) are there")
    if study.reserved_epochs:
        faults.append(f"{study.reserved_epochs} epochs are still reserved")
    if study.spent_epochs > study.spec.budget_epochs:
        faults.append(f"{study.spent_epochs} epochs are spent of {study.spec.budget_epochs}")
    return [f"study {study.spec.name}: {fault}" for fault in faults]


def _check_trial(
    study: StudyRecord, trial: TrialRecord, epochs: list[int], before: tuple[TrialRecord, ...]
) -> list[str]:
    faults = []
    if trial.state is not TrialState.COMPLETED:
        faults.append(f"is {trial.state}: {trial.error}")
    if epochs != list(range(1, trial.epochs + 1)):
        faults.append(f"has epochs {epochs} of {trial.epochs}")
    if trial.reused_from is not None:
        faults.append("was reused")
    # A trial that was pending when this one was proposed counts like one that had ended.
    proposed = study.spec.solver.suggest(
        study.spec.problem, observations(before), [], study.spec.budget_epochs
    )
    if proposed is None or (proposed.lambda_, proposed.epochs) != (trial.lambda_, trial.epochs):
        faults.append(f"is ({trial.lambda_}, {trial.epochs}), but undisturbed it is {proposed}")
    return [f"trial {trial.number} {fault}" for fault in faults]


def check_outcome(store: Store, study_id: str, number: int) -> list[str]:
    """A trial's epochs are, to the last bit, those of a search that nothing interrupts."""
    study, trial = store.studies.get(study_id), store.trials.get(study_id, number)
    reports: list[EpochReport] = []
    platform = store.platforms.get(study.spec.platform)
    job = SearchJob(study.spec.search, platform, trial.lambda_, trial.epochs, trial.seed)
    run_search(job, on_epoch=reports.append)
    undisturbed = [(r.cross_entropy, r.accuracy, r.runtime_ms, r.architecture) for r in reports]
    recorded = [
        (e.report.cross_entropy, e.report.accuracy, e.report.runtime_ms, e.report.architecture)
        for e in store.trials.epochs(study_id, number)
    ]
    if recorded == undisturbed:
        return []
    return [f"study {study.spec.name}: trial {number} reports {recorded}, undisturbed it is {undisturbed}"]


def check_checkpoints(store: Store, checkpoint_dir: Path) -> list[str]:
    """Of each completed trial its last checkpoint is there, and nothing else is but logs of its attempts."""
    expected, logs = set(), set()
    for study in _all_studies(store):
        for trial in store.trials.history(study.id):
            if trial.state is TrialState.COMPLETED:
                checkpoint = store.trials.epochs(study.id, trial.number)[-1].report.checkpoint
                assert checkpoint is not None
                expected.add(Path(checkpoint))
                folder = Path(checkpoint).parent
                logs |= {log_path(folder, attempt) for attempt in range(1, trial.attempt + 1)}
    found = {path for path in checkpoint_dir.rglob("*") if path.is_file()}
    studies = {study.id for study in _all_studies(store)}
    folders = {path for path in checkpoint_dir.glob("*") if path.name not in studies}
    return [
        *(
            f"checkpoint {path.relative_to(checkpoint_dir)} is left behind"
            for path in sorted(found - expected - logs)
        ),
        *(f"checkpoint {path.relative_to(checkpoint_dir)} is gone" for path in sorted(expected - found)),
        *(f"folder {path.name} of a deleted study is left behind" for path in sorted(folders)),
    ]


def _all_studies(store: Store) -> list[StudyRecord]:
    page = store.studies.list(page_size=200)
    assert page.next_page_token is None
    return list(page.items)


def check_actors(store: Store) -> list[str]:
    """No actor of the deployment is left on the cluster that this process is connected to."""
    namespace = store.dispatch.deployment_id()
    actors = list_named_actors(all_namespaces=True)
    return [f"actor {actor['name']} is left" for actor in actors if actor["namespace"] == namespace]


def check_actors_at(store: Store, address: str) -> list[str]:
    """As :func:`check_actors`, for a process that is not connected."""
    ray.init(address=address, log_to_driver=False, configure_logging=False)
    try:
        return check_actors(store)
    finally:
        ray.shutdown()


def settled(check: Callable[[], list[str]], timeout_seconds: float) -> list[str]:
    """The faults that a check still finds after a time in which they may go away by themselves."""
    deadline = time.monotonic() + timeout_seconds
    while (faults := check()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return faults
