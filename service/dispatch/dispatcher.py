"""The dispatcher: one thread that keeps the database's active studies running on the engine."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from ray.exceptions import RayError

from service.db.store import Store
from service.dispatch.checkpoints import Checkpoints
from service.dispatch.compatibility import other_code
from service.dispatch.engine import Engine
from service.dispatch.owner import new_owner
from service.dispatch.planner import Planner
from service.dispatch.runs import Runs, first_line
from service.dispatch.settings import DispatchSettings
from service.dispatch.timings import Timings
from service.dispatch.workers import Worker, WorkerPool
from service.domain.errors import DatabaseUnavailableError, LeaseLostError
from service.domain.records import Lease, StudyRecord, TrialRecord
from service.domain.states import StudyState, TrialState

_LOG = logging.getLogger(__name__)
_MAX_WORKER_START_FAILURES = 3
_RESTART_SECONDS = 5.0
_SWEEP_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class DispatcherStatus:
    """What /readyz shows.

    Attributes:
        role: ``standby`` while another dispatcher holds the lease.
        engine_connected: Whether Ray answers.
        error: What keeps it from working, or None.
    """

    role: Literal["stopped", "starting", "standby", "active"] = "stopped"
    engine_connected: bool = False
    error: str | None = None


@dataclass(eq=False, slots=True)
class _Waiting:
    """A queued trial whose worker is not up yet: it starts, or waits for resources."""

    trial: TrialRecord
    worker: Worker


class Dispatcher:
    """Runs in a thread of its own from start() to stop(). Every decision is read from the database.

    Attributes:
        timings: Of its solvers and slots, since the process began.
    """

    def __init__(self, store: Store, settings: DispatchSettings) -> None:
        self.timings = Timings()
        self._store = store
        self._settings = settings
        self._owner = new_owner()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._status = DispatcherStatus()
        self._lease: Lease | None = None
        self._lease_renewed_at = 0.0
        self._waiting: dict[int, _Waiting] = {}
        self._start_failures: Counter[str] = Counter()
        self._start_again_at: dict[str, float] = {}
        self._misfits: dict[str, str] = {}
        self._is_embedded = settings.ray_address is None
        self._survey_at = 0.0

    @property
    def status(self) -> DispatcherStatus:
        """What it is doing now. One that holds the lease for longer than it lasts is stuck, and says so."""
        status, held_for = self._status, time.monotonic() - self._lease_renewed_at
        if status.role == "active" and held_for > self._settings.lease_ttl_seconds:
            return replace(status, error=f"it has not renewed its lease for {held_for:.0f} s")
        return status

    def start(self) -> None:
        """Starts the thread and returns at once."""
        self._status = DispatcherStatus(role="starting")
        self._thread = threading.Thread(target=self._main, name="dispatcher", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Hands back the lease and ends the thread. Returns whether it ended within ``timeout`` seconds."""
        self._stopping.set()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _main(self) -> None:
        """Connects and works until it is told to stop; whatever fails is shown, and begun anew."""
        while not self._stopping.is_set():
            try:
                self._connect_and_work()
            except Exception as exc:  # Ray raises many kinds, and no fault may end the dispatcher for good
                _LOG.exception("the dispatcher starts anew")
                self._status = DispatcherStatus(role="starting", error=f"{type(exc).__name__}: {exc}")
                self._stopping.wait(_RESTART_SECONDS)
        self._status = DispatcherStatus()

    def _connect_and_work(self) -> None:
        engine = Engine(self._settings, self._store.dispatch.deployment_id())
        try:
            engine.connect()
            self._status = replace(self._status, engine_connected=True, error=None)
            self._loop(engine)
        finally:
            self._waiting.clear()
            self._lease = None
            engine.disconnect()

    def _loop(self, engine: Engine) -> None:
        self._pool = WorkerPool(engine, self._settings.idle_worker_seconds)
        # Trials of a study that has ended are stopped, and ended after a grace.
        self._checkpoints = Checkpoints(
            self._store, self._settings.checkpoint_dir, settle_seconds=2 * self._settings.stop_grace_seconds
        )
        self._runs = Runs(self._store, self._pool, self._checkpoints, self._settings, self.timings)
        self._planner = Planner(self._store, self._settings.max_failures_in_a_row, self.timings)
        try:
            while not self._stopping.is_set():
                self._step(engine)
        finally:
            self._planner.close()
        self._leave(engine)

    def _step(self, engine: Engine) -> None:
        try:
            if self._hold_lease(engine):
                self._tick(engine)
            else:
                self._stopping.wait(1.0)
        except LeaseLostError:
            _LOG.warning("lease lost")
            self._lease = None
            self._give_up_waiting()
            self._pool.close()
            self._runs.abandon()
        except DatabaseUnavailableError as exc:
            _LOG.warning("%s", exc)
            self._status = replace(self._status, error=str(exc))
            self._stopping.wait(1.0)

    def _hold_lease(self, engine: Engine) -> bool:
        """Renews the lease or tries to get it; a new holder first takes over what runs."""
        dispatch, ttl, now = self._store.dispatch, self._settings.lease_ttl_seconds, time.monotonic()
        if self._lease is not None:
            if now - self._lease_renewed_at > ttl / 3:
                self._lease = dispatch.renew_lease(self._lease, ttl)
                self._lease_renewed_at = now
            return True
        lease = dispatch.acquire_lease(self._owner, ttl)
        if lease is None:
            self._status = replace(self._status, role="standby", error=None)
            return False
        _LOG.info("lease acquired", extra={"owner": self._owner, "fence": lease.fence})
        self._runs.adopt_missing(lease, dispatch.unfinished_trials())
        orphans = engine.kill_workers_except(self._runs.worker_names)
        _LOG.info(
            "taken over", extra={"adopted": len(self._runs.worker_names), "orphans_killed": len(orphans)}
        )
        self._checkpoints.doubt_all()
        self._lease, self._lease_renewed_at = lease, now  # only now: a takeover that fails is begun anew
        self._status = replace(self._status, role="active", error=None)
        return True

    def _tick(self, engine: Engine) -> None:
        assert self._lease is not None
        dispatch = self._store.dispatch
        studies = dispatch.active_studies()
        if time.monotonic() >= self._survey_at:
            self._survey(self._lease, engine, studies)
        unfinished = {trial.id: trial for trial in dispatch.unfinished_trials()}
        active = {study.id: study for study in studies}
        self._runs.reconcile(self._lease, unfinished, active)
        self._start_queued(active, unfinished)
        planned = self._planner.step(self._lease, studies)
        self._pool.trim(resources_are_wanted=bool(self._waiting))
        if self._status.error is not None:
            self._status = replace(self._status, error=None)
        looks_at_once = planned or self._planner.wait(self._settings.tick_seconds)
        self._runs.poll(self._lease, 0.0 if looks_at_once else self._settings.tick_seconds)

    def _survey(self, lease: Lease, engine: Engine, studies: Sequence[StudyRecord]) -> None:
        """What need not be looked at in every tick: machines too small, checkpoints to be removed."""
        for study in studies:
            shortage = engine.shortage(study.spec.resources) or self._misfits.get(study.id)
            if shortage != study.shortage:
                self._store.dispatch.set_shortage(lease, study.id, shortage)
        for study_id in self._store.dispatch.deleted_studies():
            if self._checkpoints.is_removed(study_id):
                self._store.dispatch.forget_deleted_study(lease, study_id)
        self._checkpoints.note_active(study.id for study in studies)
        self._checkpoints.sweep(_SWEEP_SECONDS)
        self._survey_at = time.monotonic() + self._settings.survey_seconds

    def _start_queued(self, active: dict[str, StudyRecord], unfinished: dict[int, TrialRecord]) -> None:
        """Gives every queued trial that is due a worker, and starts those whose worker is up."""
        assert self._lease is not None
        for waiting in list(self._waiting.values()):
            trial = unfinished.get(waiting.trial.id)
            if trial is None or trial.state is not TrialState.QUEUED or trial.study_id not in active:
                del self._waiting[waiting.trial.id]
                self._pool.release(waiting.worker)
        slots = {study.id: self._free_slots(study) for study in active.values()}
        now = datetime.now(UTC)
        for trial in sorted(unfinished.values(), key=lambda t: (t.created_at, t.id)):
            is_due = trial.retry_at is None or trial.retry_at <= now
            study = active.get(trial.study_id)
            if (
                study is None
                or trial.state is not TrialState.QUEUED
                or not is_due
                or self._runs.has(trial.id)
            ):
                continue
            if trial.id not in self._waiting:
                if slots[study.id] == 0 or time.monotonic() < self._start_again_at.get(study.id, 0.0):
                    continue
                slots[study.id] -= 1
                self._waiting[trial.id] = _Waiting(trial, self._pool.acquire(study.spec.resources))
            self._start_when_ready(self._lease, study, self._waiting[trial.id])

    def _free_slots(self, study: StudyRecord) -> int:
        waiting = sum(w.trial.study_id == study.id for w in self._waiting.values())
        taken = study.trial_counts[TrialState.RUNNING] + waiting
        return max(0, study.spec.max_parallel_trials - taken)

    def _start_when_ready(self, lease: Lease, study: StudyRecord, waiting: _Waiting) -> None:
        try:
            if not waiting.worker.is_ready:
                warm = self._pool.take_warm(study.spec.resources)
                if warm is None:
                    return
                self._pool.spare(waiting.worker)
                waiting.worker = warm
        except RayError as exc:
            del self._waiting[waiting.trial.id]
            if not self._pool.lost_a_node(waiting.worker):  # else it is asked for again, on another one
                self._worker_did_not_start(lease, study, first_line(exc))
            return
        del self._waiting[waiting.trial.id], self._start_failures[study.id]
        assert waiting.worker.info is not None
        if (misfit := other_code(waiting.worker.info, is_embedded=self._is_embedded)) is not None:
            self._refuse(lease, study, waiting.worker, misfit)
            return
        self._misfits.pop(study.id, None)  # the next survey tells the study
        self._runs.start(lease, study, waiting.trial, waiting.worker)

    def _refuse(self, lease: Lease, study: StudyRecord, worker: Worker, misfit: str) -> None:
        """Gives up a worker that must run no trial; one that may be on another node is asked for later."""
        self._pool.kill(worker)
        self._start_again_at[study.id] = time.monotonic() + 2 * self._settings.survey_seconds
        if study.id not in self._misfits:  # once, although the next worker may be another node's
            _LOG.warning(misfit, extra={"study": study.id})
            self._misfits[study.id] = misfit
            self._store.dispatch.set_shortage(lease, study.id, misfit)

    def _worker_did_not_start(self, lease: Lease, study: StudyRecord, reason: str) -> None:
        """Waits longer each time. Workers lost at the same moment, as with their node, count once."""
        _LOG.warning("a worker did not start", extra={"study": study.id, "error": reason})
        if time.monotonic() < self._start_again_at.get(study.id, 0.0):
            return
        self._start_failures[study.id] += 1
        failures = self._start_failures[study.id]
        self._start_again_at[study.id] = time.monotonic() + 2.0**failures
        if failures >= _MAX_WORKER_START_FAILURES:
            error = f"workers do not start: {reason}"
            self._store.dispatch.finish_study(lease, study.id, StudyState.FAILED, error)

    def _leave(self, engine: Engine) -> None:
        """Embedded workers die with this process, so their trials are queued; others are left to run on."""
        self._give_up_waiting()
        self._pool.close()
        if self._lease is None:
            return
        try:
            if engine.is_embedded:
                self._runs.hand_back(self._lease)
            self._store.dispatch.release_lease(self._lease)
        except (LeaseLostError, DatabaseUnavailableError):
            _LOG.exception("the lease could not be handed back")

    def _give_up_waiting(self) -> None:
        for waiting in self._waiting.values():
            self._pool.kill(waiting.worker)
        self._waiting.clear()
