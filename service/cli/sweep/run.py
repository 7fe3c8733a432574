"""Finds the study of a sweep, or makes it, so that the same command goes on where it stopped."""

from collections.abc import Iterable

from service.api.schemas import Study, StudyPatch, StudySpec, Trial
from service.cli.sweep.grid import identity
from service.client import Client
from service.domain.states import StudyState


def open_sweep(client: Client, spec: StudySpec) -> tuple[Study, bool]:
    """The study that searches the grid of a spec, running or completed.

    One that was cancelled or has failed is left alone, and a new one takes its place.

    Returns:
        The study, and whether it was there before.

    Raises:
        ClientError: See :class:`service.client.Client`.
    """
    tag = identity(spec)
    same = [study for study in client.list_studies(query=tag) if tag in study.spec.tags]
    usable = [study for study in same if study.state not in (StudyState.CANCELLED, StudyState.FAILED)]
    if not usable:
        # The key keeps two commands that are given at the same time from making two studies.
        return client.create_study(spec, idempotency_key=f"{tag}-{len(same)}"), False
    study = usable[0]
    if study.spec.max_parallel_trials != spec.max_parallel_trials:
        study = client.update(study.id, StudyPatch(max_parallel_trials=spec.max_parallel_trials))
    if study.state is StudyState.PAUSED:
        study = client.resume(study.id)
    return study, True


def interrupted_seconds(client: Client, study_id: str, trials: Iterable[Trial]) -> dict[int, float]:
    """What the epochs of trials with more than one attempt took, by the trial's number."""
    return {
        trial.number: sum(epoch.seconds for epoch in client.epochs(study_id, trial.number))
        for trial in trials
        if trial.attempt > 1
    }


def seconds_per_epoch(client: Client, spec: StudySpec, *, studies: int = 20) -> tuple[float, int] | None:
    """How long an epoch of such a search took on this service lately.

    Returns:
        Seconds per epoch, and the number of finished trials that say so; None where there is none yet.
    """
    seconds, epochs, trials = 0.0, 0, 0
    for study, _ in zip(client.list_studies(page_size=studies), range(studies), strict=False):
        if study.spec.search == spec.search and study.spec.resources == spec.resources:
            for trial in _uninterrupted(client.trials(study.id)):
                assert trial.finished_at is not None
                assert trial.started_at is not None
                seconds += (trial.finished_at - trial.started_at).total_seconds()
                epochs += trial.epochs_done
                trials += 1
    return (seconds / epochs, trials) if epochs else None


def _uninterrupted(trials: Iterable[Trial]) -> Iterable[Trial]:
    """Completed in one go, so that no time between attempts is counted."""
    return (
        trial
        for trial in trials
        if trial.attempt == 1 and trial.accuracy is not None and trial.started_at and trial.finished_at
    )
