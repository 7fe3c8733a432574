"""The workers of one dispatcher: which start, which are idle and warm, which run a trial."""

import time
import uuid
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError

from nas_worker.actor import WorkerInfo
from service.dispatch.engine import Engine
from service.domain.spec import Resources

_ANSWER_SECONDS = 0.5

_SPARE_SECONDS = 2.0
"""How long a worker that was asked for waits for another trial: a solver that is quick has proposed one."""


@dataclass(eq=False, slots=True)
class Worker:
    """A Ray actor.

    Attributes:
        name: Its name in Ray and in the trial's row.
        handle: Its actor handle.
        resources: What it occupies; None for an adopted one, which is never reused.
        ready_ref: Resolves once the process is up.
        info: Where it runs and with which versions, once the process is up.
        idle_since: Monotonic time since when no trial has had it or waited for it, or None.
        nodes: The machines that were there when it was asked for.
    """

    name: str
    handle: Any
    resources: Resources | None
    ready_ref: Any
    info: WorkerInfo | None = None
    idle_since: float | None = None
    nodes: frozenset[str] = frozenset()

    @property
    def is_ready(self) -> bool:
        """Whether the process is up.

        Raises:
            RayError: It died, or could not be started.
        """
        ready, _ = ray.wait([self.ready_ref], timeout=0)
        if ready:
            self.info = ray.get(self.ready_ref)
        return bool(ready)


class WorkerPool:
    """Creates workers and keeps them warm: a start costs about 5 s, most of it the import of torch."""

    def __init__(self, engine: Engine, idle_seconds: float) -> None:
        self._engine = engine
        self._idle_seconds = idle_seconds
        self._idle: list[Worker] = []
        self._spare: list[Worker] = []

    def acquire(self, resources: Resources) -> Worker:
        """A warm worker with these resources, or one that is asked for and may not be ready yet."""
        warm = self.take_warm(resources)
        if warm is not None:
            return warm
        for worker in self._spare:
            if worker.resources == resources:
                self._spare.remove(worker)
                worker.idle_since = None
                return worker
        name = f"worker-{uuid.uuid4().hex}"
        nodes = self._engine.node_ids()
        handle = self._engine.create_worker(name, resources)
        return Worker(name, handle, resources, ready_ref=handle.info.remote(), nodes=nodes)

    def lost_a_node(self, worker: Worker) -> bool:
        """Whether a machine has died since the worker was asked for.

        All workers that wait for room on it, and that is where Ray queues them, end with it.
        """
        return not worker.nodes <= self._engine.node_ids()

    def take_warm(self, resources: Resources) -> Worker | None:
        """An idle worker with these resources that answers, or None.

        One that died while it was idle is not given away: its death would be held against the next trial.
        """
        for worker in [idle for idle in self._idle if idle.resources == resources]:
            self._idle.remove(worker)
            worker.idle_since = None
            worker.ready_ref = worker.handle.info.remote()
            if _answers(worker):
                return worker
            self.kill(worker)
        return None

    def adopt(self, name: str) -> Worker | None:
        """The worker that another dispatcher started, or None if it is gone."""
        handle = self._engine.find_worker(name)
        return None if handle is None else Worker(name, handle, None, ready_ref=handle.info.remote())

    def release(self, worker: Worker) -> None:
        """Takes back a worker whose trial has ended, or which got none."""
        if worker.resources is None or not _answers(worker, 0):
            self.kill(worker)
            return
        worker.idle_since = time.monotonic()
        self._idle.append(worker)

    def spare(self, worker: Worker) -> None:
        """Keeps a worker that is asked for, and whose trial got another one, for a trial to come.

        On a full cluster each trial that waits has asked for one, and most get one that is warm. Ray keeps
        some 6 kB of each that it was ever asked for.
        """
        worker.idle_since = time.monotonic()
        self._spare.append(worker)

    def kill(self, worker: Worker) -> None:
        """Ends a worker's process at once."""
        ray.kill(worker.handle)

    def trim(self, *, resources_are_wanted: bool) -> None:
        """Gives back idle workers: the ones that idled too long, or all when others wait for resources."""
        self._give_back(self._idle, 0.0 if resources_are_wanted else self._idle_seconds)
        self._give_back(self._spare, _SPARE_SECONDS)

    def close(self) -> None:
        """Gives back all workers that have no trial."""
        self._give_back(self._idle, 0.0)
        self._give_back(self._spare, 0.0)

    def _give_back(self, workers: list[Worker], after_seconds: float) -> None:
        now = time.monotonic()
        for worker in list(workers):
            if now - (worker.idle_since or 0.0) >= after_seconds:
                workers.remove(worker)
                self.kill(worker)


def _answers(worker: Worker, timeout_seconds: float = _ANSWER_SECONDS) -> bool:
    try:
        ray.wait([worker.ready_ref], timeout=timeout_seconds)
        return worker.is_ready
    except RayError:
        return False
