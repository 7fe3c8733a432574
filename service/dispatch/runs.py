"""The trials that this dispatcher has on workers: started, adopted, polled, stopped, given up."""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

import ray
from ray.exceptions import RayError

from nas_worker.actor import Assignment, Outcome, PollReply, StopMode
from nas_worker.job import SearchJob
from nas_worker.versions import COMPUTING, software_versions
from service.db.store import Store
from service.dispatch.checkpoints import Checkpoints
from service.dispatch.settings import DispatchSettings
from service.dispatch.timings import Timings
from service.dispatch.workers import Worker, WorkerPool
from service.domain.errors import NotFoundError
from service.domain.provenance import Provenance, identity
from service.domain.records import Lease, StudyRecord, TrialRecord
from service.domain.states import StudyState, TrialState

_LOG = logging.getLogger(__name__)
_MAX_BACKOFF_SECONDS = 60.0


@dataclass(eq=False, slots=True)
class _Run:
    """A running trial on its worker.

    ``epochs_done`` is the database's cursor. Until ``has_assignment`` a stop could overtake the start.
    ``exceeded_seconds`` is the time limit that it has passed, and ``overdue_since`` the monotonic time when
    that was seen.
    """

    trial: TrialRecord
    worker: Worker
    poll_ref: Any
    epochs_done: int
    has_assignment: bool
    stop_mode: StopMode | None = None
    stop_sent_at: float = 0.0
    exceeded_seconds: float | None = None
    overdue_since: float = 0.0


class Runs:
    """Keeps the workers and the database's running trials in step."""

    def __init__(
        self,
        store: Store,
        pool: WorkerPool,
        checkpoints: Checkpoints,
        settings: DispatchSettings,
        timings: Timings,
    ) -> None:
        self._store = store
        self._pool = pool
        self._checkpoints = checkpoints
        self._settings = settings
        self._timings = timings
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
        try:
            assignment = self._claim(lease, study, trial, worker)
        except Exception:
            self._pool.kill(worker)  # if the claim was committed all the same, reconcile finds the trial
            raise
        if assignment is None:
            self._pool.release(worker)
            return
        claimed, started_ref = assignment
        self._timings.slot_filled(study.id)
        self._runs[claimed.id] = _Run(claimed, worker, started_ref, claimed.epochs_done, has_assignment=False)

    def _claim(
        self, lease: Lease, study: StudyRecord, trial: TrialRecord, worker: Worker
    ) -> tuple[TrialRecord, Any] | None:
        platform = self._store.platforms.get(study.spec.platform)
        epochs = self._store.trials.epochs(study.id, trial.number)
        checkpoints = [e.report.checkpoint for e in reversed(epochs) if e.report.checkpoint is not None]
        fingerprint = None if trial.provenance is None else trial.provenance.dataset_fingerprint
        provenance = Provenance(platform.content_hash, fingerprint, version("spnas-tuner"))
        versions = None if worker.info is None else worker.info.versions
        claimed = self._store.dispatch.start_trial(
            lease,
            trial.id,
            trial.attempt,
            worker.name,
            provenance=provenance,
            identity=_identity_of(trial, study, provenance, versions),
            versions=versions,
        )
        if claimed is None:
            return None
        job = SearchJob(
            settings=study.spec.search,
            platform=platform,
            lambda_=claimed.lambda_,
            epochs=claimed.epochs,
            seed=claimed.seed,
            hinge_target_ms=claimed.hinge_target_ms,
        )
        assignment = Assignment(
            claimed.id,
            claimed.attempt,
            job,
            str(self._checkpoints.folder(claimed)),
            tuple(checkpoints),
            threads=study.spec.resources.threads,
            dataset_roots=self._settings.dataset_roots,
            allow_hub=self._settings.allow_hub,
        )
        return claimed, worker.handle.start.remote(assignment)

    def adopt_missing(self, lease: Lease, unfinished: Iterable[TrialRecord]) -> None:
        """Takes over running trials that are not on a worker of this dispatcher; queues those without any."""
        for trial in unfinished:
            if trial.state is not TrialState.RUNNING or trial.id in self._runs:
                continue
            worker = None if trial.worker is None else self._pool.adopt(trial.worker)
            if worker is None:
                self._lose_with_service(lease, trial)
                continue
            self._store.dispatch.note_adoption(lease, trial.id, trial.attempt)
            run = _Run(trial, worker, None, trial.epochs_done, has_assignment=True)
            self._runs[trial.id] = run
            self._poll_again(run)

    def poll(self, lease: Lease, timeout_seconds: float) -> None:
        """Waits for news from the workers and records it. What cannot be recorded now comes again.

        Raises:
            LeaseLostError: Another dispatcher has taken over.
        """
        by_ref = {run.poll_ref: run for run in self._runs.values()}
        if not by_ref:
            time.sleep(timeout_seconds)
            return
        ready, _ = ray.wait(list(by_ref), num_returns=1, timeout=timeout_seconds)
        if ready:
            ready, _ = ray.wait(list(by_ref), num_returns=len(by_ref), timeout=0)
        for ref in ready:
            run = by_ref[ref]
            try:
                reply: PollReply = ray.get(ref)
            except RayError as exc:  # the process is gone, or it could not take the assignment
                self._lose(lease, run, first_line(exc))
                continue
            self._take(lease, run, reply)

    def reconcile(
        self, lease: Lease, unfinished: Mapping[int, TrialRecord], active: Mapping[str, StudyRecord]
    ) -> None:
        """Stops what the database no longer wants to run, and takes over what it says is running."""
        self.adopt_missing(lease, unfinished.values())
        self._timings.keep(active.keys())
        has_limits = any(study.spec.trial_timeout_seconds is not None for study in active.values())
        overdue = self._store.dispatch.overdue_trials() if has_limits else {}
        for run in list(self._runs.values()):
            row = unfinished.get(run.trial.id)
            if row is None or (row.state, row.attempt) != (TrialState.RUNNING, run.trial.attempt):
                self._drop(run)
                self._pool.kill(run.worker)
            elif row.study_id not in active:
                run.exceeded_seconds = None
                self._request_stop(lease, run)
            else:
                self._note_overdue(lease, run, overdue.get(run.trial.id))

    def abandon(self) -> None:
        """Forgets all runs and leaves their workers alone, for the next dispatcher to adopt."""
        self._runs.clear()

    def hand_back(self, lease: Lease) -> None:
        """Ends all workers and queues their trials again; each goes on from its last recorded epoch."""
        for run in list(self._runs.values()):
            self._pool.kill(run.worker)
            self._store.dispatch.requeue_trial(lease, run.trial.id, run.trial.attempt, crashed=False)
            self._drop(run)

    def _poll_again(self, run: _Run) -> None:
        wait_seconds = self._settings.poll_seconds if run.exceeded_seconds is None else 0.0
        run.poll_ref = run.worker.handle.poll.remote(
            run.trial.id, run.trial.attempt, run.epochs_done, wait_seconds
        )

    def _drop(self, run: _Run) -> None:
        del self._runs[run.trial.id]

    def _take(self, lease: Lease, run: _Run, reply: PollReply) -> None:
        """Records a worker's answer. A run is dropped last: after a fault the answer is taken again."""
        dispatch, trial = self._store.dispatch, run.trial
        is_overdue = run.exceeded_seconds is not None and run.has_assignment
        run.has_assignment = True
        if reply.reports:
            try:
                dispatch.record_epochs(lease, trial.id, trial.attempt, reply.reports)
            except ValueError as exc:
                dispatch.fail_trial(lease, trial.id, trial.attempt, f"the worker reported nonsense: {exc}")
                self._pool.kill(run.worker)
                self._drop(run)
                return
            run.epochs_done = reply.reports[-1].epoch
        if reply.known and reply.outcome is None:
            if is_overdue and run.epochs_done < trial.epochs:  # with all its epochs it is about to finish
                self._end_overdue(lease, run)
            else:
                self._poll_again(run)
            return
        if not reply.known or reply.outcome is Outcome.STOPPED:
            self._requeue(lease, run)
        elif reply.outcome is Outcome.FINISHED:
            if dispatch.complete_trial(lease, trial.id, trial.attempt):
                self._timings.slot_freed(trial.study_id)
                self._checkpoints.tidy(trial, keep=dispatch.last_checkpoint(trial.id)[1])
        else:
            error = reply.error or "the search failed without a message"
            _LOG.warning(
                "trial failed", extra={"study": trial.study_id, "trial": trial.number, "error": error}
            )
            if dispatch.fail_trial(lease, trial.id, trial.attempt, error):
                self._timings.slot_freed(trial.study_id)
                self._checkpoints.tidy(trial)
        self._pool.release(run.worker)
        self._drop(run)

    def _lose(self, lease: Lease, run: _Run, reason: str) -> None:
        """Gives up a run whose worker died or could not take it: its trial is queued again, or fails.

        Args:
            lease: The dispatcher's.
            run: On that worker; it is dropped.
            reason: What Ray said of it, in one line.

        Raises:
            LeaseLostError: Another dispatcher has taken over; nothing was written, and the run is kept.
        """
        self._count_crash(lease, run.trial, f"the worker was lost: {reason}")
        self._pool.kill(run.worker)
        self._drop(run)

    def _lose_with_service(self, lease: Lease, trial: TrialRecord) -> None:
        """The worker went down with the service or its machine, and nobody saw why.

        An attempt that had recorded an epoch is not held against its trial. One that had not is: the search
        itself may be what takes everything down, and must not do so for ever.
        """
        epochs = self._store.trials.epochs(trial.study_id, trial.number)
        if any(epoch.attempt == trial.attempt for epoch in epochs):
            self._store.dispatch.requeue_trial(lease, trial.id, trial.attempt, crashed=False)
            return
        self._count_crash(
            lease,
            trial,
            "the worker was lost together with the service or its machine, before it had recorded an epoch; "
            f"this was attempt {trial.attempt}, and the search may be what takes them down",
        )

    def _count_crash(self, lease: Lease, trial: TrialRecord, error: str) -> None:
        """Queues a trial again, with backoff, or fails it after too many losses."""
        delay = min(_MAX_BACKOFF_SECONDS, self._settings.retry_backoff_seconds * 2**trial.crashes)
        state = self._store.dispatch.requeue_trial(
            lease,
            trial.id,
            trial.attempt,
            crashed=True,
            error=error,
            retry_at=datetime.now(UTC) + timedelta(seconds=delay),
            max_crashes=self._settings.max_crashes,
        )
        _LOG.warning("worker lost", extra={"trial": trial.id, "attempt": trial.attempt, "now": state})
        if state is not None and state.is_final:
            self._checkpoints.tidy(trial)

    def _note_overdue(self, lease: Lease, run: _Run, exceeded_seconds: float | None) -> None:
        """Has the worker of an overdue run asked anew, for an answer under way may be older than the limit.

        It may have finished while nobody asked. So a run is ended by an answer that says that it still runs
        (see ``_take``), or where none comes within the grace that a worker has to stop.
        """
        if exceeded_seconds is None:
            run.exceeded_seconds = None  # the limit was raised
        elif run.exceeded_seconds is None:
            run.exceeded_seconds, run.overdue_since = exceeded_seconds, time.monotonic()
            if run.has_assignment:
                self._poll_again(run)
        elif time.monotonic() - run.overdue_since > self._settings.stop_grace_seconds:
            ready, _ = ray.wait([run.poll_ref], timeout=0)
            if not ready:
                self._end_overdue(lease, run)

    def _end_overdue(self, lease: Lease, run: _Run) -> None:
        """Fails a trial whose attempt runs longer than its study allows, and ends its worker."""
        trial = run.trial
        error = (
            f"stopped: attempt {trial.attempt} ran longer than {run.exceeded_seconds:g} s, its study's "
            f"trial_timeout_seconds; {run.epochs_done} of {trial.epochs} epochs were recorded and stay spent"
        )
        if self._store.dispatch.fail_trial(lease, trial.id, trial.attempt, error):
            _LOG.warning(
                "trial failed", extra={"study": trial.study_id, "trial": trial.number, "error": error}
            )
            self._checkpoints.tidy(trial)
        self._pool.kill(run.worker)
        self._drop(run)

    def _requeue(self, lease: Lease, run: _Run) -> None:
        """Queues the trial again; the store cancels it if its study has ended."""
        state = self._store.dispatch.requeue_trial(lease, run.trial.id, run.trial.attempt, crashed=False)
        if state is TrialState.CANCELLED:
            self._checkpoints.tidy(run.trial)

    def _request_stop(self, lease: Lease, run: _Run) -> None:
        """A paused study's trials end with their running epoch, those of an ended one at once."""
        try:
            state = self._store.studies.get(run.trial.study_id).state
        except NotFoundError:
            return  # deleted in this moment; the next tick sees that its trial is gone
        if state.is_active or not run.has_assignment:
            return
        mode = StopMode.AFTER_EPOCH if state is StudyState.PAUSED else StopMode.NOW
        if run.stop_mode is not mode:
            run.worker.handle.stop.remote(run.trial.id, run.trial.attempt, mode)
            run.stop_mode, run.stop_sent_at = mode, time.monotonic()
        elif mode is StopMode.NOW and time.monotonic() - run.stop_sent_at > self._settings.stop_grace_seconds:
            self._requeue(lease, run)
            self._pool.kill(run.worker)
            self._drop(run)


def _identity_of(
    trial: TrialRecord, study: StudyRecord, provenance: Provenance, versions: Mapping[str, str] | None
) -> str | None:
    """None where earlier epochs were run with something else, or the worker's software is another."""
    ours = software_versions()
    if versions is None or any(versions.get(name) != ours[name] for name in COMPUTING):
        return None
    now = identity(
        study.spec.search,
        provenance,
        versions,
        threads=study.spec.resources.threads,
        gpus=study.spec.resources.gpus,
        lambda_=trial.lambda_,
        epochs=trial.epochs,
        seed=trial.seed,
        hinge_target_ms=trial.hinge_target_ms,
    )
    return now if trial.epochs_done == 0 or now == trial.identity else None


def first_line(error: Exception) -> str:
    """What an error of Ray says, without its page of details."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
