"""Follows a study through the API, as snapshots."""

import time
from collections.abc import Iterator

from service.api.schemas import Study, Trial
from service.cli.render.progress import RunningTrial, Snapshot
from service.client import Client, ServiceUnreachableError
from service.domain.states import StudyState, TrialState


class Follower:
    """Snapshots of a study, each time that it has changed.

    A service that stops answering for a while, say for an upgrade, is waited for.

    Args:
        client: Connection to the service.
        study_id: The study.
        poll_seconds: How often the service is asked.
        patience_seconds: A service that has not answered for this long is given up.
    """

    def __init__(
        self, client: Client, study_id: str, *, poll_seconds: float = 1.0, patience_seconds: float = 30.0
    ) -> None:
        self._client = client
        self._study_id = study_id
        self._poll_seconds = poll_seconds
        self._patience_seconds = patience_seconds
        self._trials: dict[int, Trial] = {}
        self._pace = _Pace()

    def snapshots(self) -> Iterator[Snapshot]:
        """The first at once, the last when the study has come to rest: final, or paused with nothing running.

        Raises:
            ApiNotFoundError: There is no such study (any more).
            ServiceUnreachableError: Nothing answered for ``patience_seconds``.
        """
        revision: int | None = None
        answered_at = time.monotonic()
        while True:
            try:
                study = self._client.get_study(self._study_id)
                snapshot = None if study.revision == revision else self._snapshot(study)
            except ServiceUnreachableError:
                if revision is None or time.monotonic() - answered_at > self._patience_seconds:
                    raise
            else:
                answered_at = time.monotonic()
                if snapshot is not None:
                    revision = study.revision
                    yield snapshot
                if at_rest(study):
                    return
            time.sleep(self._poll_seconds)

    def _snapshot(self, study: Study) -> Snapshot:
        first = not self._trials
        since = None if first else max(trial.updated_at for trial in self._trials.values())
        changed = list(self._client.trials(self._study_id, updated_since=since))
        ended = [trial for trial in changed if trial.state.is_final and not self._has_ended(trial.number)]
        self._trials |= {trial.number: trial for trial in changed}
        running = [self._running(trial) for trial in self._trials.values() if not trial.state.is_final]
        return Snapshot(study, running, [] if first else ended, self._pace.seconds_left(study))

    def _has_ended(self, number: int) -> bool:
        known = self._trials.get(number)
        return known is not None and known.state.is_final

    def _running(self, trial: Trial) -> RunningTrial:
        epochs = self._client.epochs(self._study_id, trial.number) if trial.epochs_done else ()
        return RunningTrial(trial, epochs[-1] if epochs else None)


def at_rest(study: Study) -> bool:
    """Whether nothing more happens to a study by itself: final, or paused and its trials handed back."""
    paused = study.state is StudyState.PAUSED and not study.trial_counts.get(TrialState.RUNNING)
    return study.state.is_final or paused


class _Pace:
    """How fast epochs come in, measured since the first snapshot."""

    def __init__(self) -> None:
        self._start: tuple[float, int] | None = None

    def seconds_left(self, study: Study) -> float | None:
        now = time.monotonic()
        if self._start is None:
            self._start = now, study.spent_epochs
        started_at, spent_at_start = self._start
        new_epochs = study.spent_epochs - spent_at_start
        left_epochs = study.spec.budget_epochs - study.spent_epochs
        if new_epochs < 4 or left_epochs <= 0:
            return None
        return (now - started_at) / new_epochs * left_epochs
