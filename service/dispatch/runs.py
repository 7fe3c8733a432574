"""The trials that this dispatcher has on workers: started, adopted, polled, stopped, given up."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

import ray
from ray.exceptions import RayError

from nas_worker.actor import Assignment, Outcome, PollReply, StopMode
from nas_worker.job import SearchJob
from service.db.store import Store
from service.dispatch.settings import DispatchSettings
from service.dispatch.workers import Worker, WorkerPool
from service.domain.records import Lease, StudyRecord, TrialRecord
from service.domain.states import StudyState, TrialState

_LOG = logging.getLogger(__name__)
_MAX_BACKOFF_SECONDS = 60.0


@dataclass(eq=False, slots=True)
class _Run:
    """A running trial on its worker; ``epochs_done`` is the database's cursor."""

    trial: TrialRecord
    worker: Worker
    poll_ref: Any
    epochs_done: int
    stop_mode: StopMode | None = None
    stop_sent_at: float = 0.0


class Runs:
    """Keeps the workers and the database's running trials in step."""

    def __init__(self, store: Store, pool: WorkerPool, settings: DispatchSettings) -> None:
        self._store = store
        self._pool = pool
        self._settings = settings
        self._runs: dict[int, _Run] = {}

    def has(self, trial_id: int) -> bool:
        """Whether a trial is on a worker."""
        return trial_id in self._runs

    @property
    def worker_names(self) -> list[str]:
        """Names of the workers in use."""
        return [run.worker.name for run in self._runs.values()]

    def start(self, lease: Lease, study: StudyRecord, trial: TrialRecord, worker: Worker) -> None:
        """Claims a queued trial in the database, then hands it to a worker that is up."""
        platform = self._store.platforms.get(study.spec.platform)
        started = self._store.dispatch.start_trial(
            lease,
            trial.id,
            trial.attempt,
            worker.name,
            platform_hash=platform.content_hash,
            code_version=version("spnas-tuner"),
        )
        if started is None:
            self._pool.release(worker)
            return
        job = SearchJob(
            settings=study.spec.search,
            platform=platform,
            lambda_=started.lambda_,
            epochs=started.epochs,
            seed=started.seed,
            hinge_target_ms=started.hinge_target_ms,
        )
        epochs = self._store.trials.epochs(study.id, started.number)
        checkpoints = [e.report.checkpoint for e in reversed(epochs) if e.report.checkpoint is not None]
        folder = self._settings.checkpoint_dir / study.id / f"trial-{started.number}"
        started_ref = worker.handle.start.remote(
            Assignment(
                started.id,
                started.attempt,
                job,
                str(folder),
                tuple(checkpoints),
                threads=max(1, int(study.spec.resources.cpus)),
            )
        )
        self._runs[started.id] = _Run(started, worker, started_ref, started.epochs_done)

    def adopt(self, lease: Lease, trial: TrialRecord) -> None:
        """Takes over a trial that another dispatcher started; queues it again if its worker is gone."""
        worker = None if trial.worker is None else self._pool.adopt(trial.worker)
        if worker is None:
            self._store.dispatch.requeue_trial(lease, trial.id, trial.attempt, crashed=False)
            return
        run = _Run(trial, worker, None, trial.epochs_done)
        self._runs[trial.id] = run
        self._poll_again(run)

    def poll(self, lease: Lease, timeout_seconds: float) -> bool:
        """Waits for news from the workers and records it. Returns whether any trial has ended.

        Raises:
            LeaseLostError: Another dispatcher has taken over.
        """
        by_ref = {run.poll_ref: run for run in self._runs.values()}
        if not by_ref:
            time.sleep(timeout_seconds)
            return False
        ready, _ = ray.wait(list(by_ref), num_returns=1, timeout=timeout_seconds)
        if ready:
            ready, _ = ray.wait(list(by_ref), num_returns=len(by_ref), timeout=0)
        ended = False
        for ref in ready:
            run = by_ref[ref]
            try:
                reply: PollReply = ray.get(ref)
            except RayError as exc:  # the process is gone, or it could not take the assignment
                self._pool.kill(run.worker)
                self._lose(lease, run, str(exc))
                ended = True
                continue
            ended |= self._take(lease, run, reply)
        return ended

    def reconcile(
        self, lease: Lease, unfinished: Mapping[int, TrialRecord], active: Mapping[str, StudyRecord]
    ) -> None:
        """Stops what the database no longer wants to run."""
        for run in list(self._runs.values()):
            row = unfinished.get(run.trial.id)
            if row is None or (row.state, row.attempt) != (TrialState.RUNNING, run.trial.attempt):
                self._drop(run)
                self._pool.kill(run.worker)
            elif row.study_id not in active:
                self._request_stop(lease, run)

    def abandon(self) -> None:
        """Forgets all runs and leaves their workers alone, for the next dispatcher to adopt."""
        self._runs.clear()

    def hand_back(self, lease: Lease) -> None:
        """Ends all workers and queues their trials again; each goes on from its last recorded epoch."""
        for run in list(self._runs.values()):
            self._drop(run)
            self._pool.kill(run.worker)
            self._store.dispatch.requeue_trial(lease, run.trial.id, run.trial.attempt, crashed=False)

    def _poll_again(self, run: _Run) -> None:
        run.poll_ref = run.worker.handle.poll.remote(
            run.trial.id, run.trial.attempt, run.epochs_done, self._settings.poll_seconds
        )

    def _drop(self, run: _Run) -> None:
        del self._runs[run.trial.id]

    def _take(self, lease: Lease, run: _Run, reply: PollReply) -> bool:
        """Records a worker's answer. Returns whether the run has ended."""
        dispatch, trial = self._store.dispatch, run.trial
        if reply.reports:
            try:
                dispatch.record_epochs(lease, trial.id, trial.attempt, reply.reports)
            except ValueError as exc:
                self._drop(run)
                self._pool.kill(run.worker)
                dispatch.fail_trial(lease, trial.id, trial.attempt, f"the worker reported nonsense: {exc}")
                return True
            run.epochs_done = reply.reports[-1].epoch
        if reply.known and reply.outcome is None:
            self._poll_again(run)
            return False
        self._drop(run)
        if not reply.known or reply.outcome is Outcome.STOPPED:
            dispatch.requeue_trial(lease, trial.id, trial.attempt, crashed=False)
        elif reply.outcome is Outcome.FINISHED:
            dispatch.complete_trial(lease, trial.id, trial.attempt)
        else:
            error = reply.error or "the search failed without a message"
            _LOG.warning(
                "trial failed", extra={"study": trial.study_id, "trial": trial.number, "error": error}
            )
            dispatch.fail_trial(lease, trial.id, trial.attempt, error)
        self._pool.release(run.worker)
        return True

    def _lose(self, lease: Lease, run: _Run, reason: str) -> None:
        """The worker died: its trial is queued again, with backoff, or fails after too many losses."""
        self._drop(run)
        delay = min(_MAX_BACKOFF_SECONDS, self._settings.retry_backoff_seconds * 2**run.trial.crashes)
        state = self._store.dispatch.requeue_trial(
            lease,
            run.trial.id,
            run.trial.attempt,
            crashed=True,
            error=f"the worker was lost: {reason.strip().splitlines()[0]}",
            retry_at=datetime.now(UTC) + timedelta(seconds=delay),
            max_crashes=self._settings.max_crashes,
        )
        _LOG.warning("worker lost", extra={"trial": run.trial.id, "attempt": run.trial.attempt, "now": state})

    def _request_stop(self, lease: Lease, run: _Run) -> None:
        """A paused study's trials end with their running epoch, a cancelled one's at once."""
        state = self._store.studies.get(run.trial.study_id).state
        mode = StopMode.AFTER_EPOCH if state is StudyState.PAUSED else StopMode.NOW
        if run.stop_mode is not mode:
            run.worker.handle.stop.remote(run.trial.id, run.trial.attempt, mode)
            run.stop_mode, run.stop_sent_at = mode, time.monotonic()
        elif mode is StopMode.NOW and time.monotonic() - run.stop_sent_at > self._settings.stop_grace_seconds:
            self._drop(run)
            self._pool.kill(run.worker)
            self._store.dispatch.requeue_trial(lease, run.trial.id, run.trial.attempt, crashed=False)
