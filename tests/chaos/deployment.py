"""A whole deployment on this machine: a Ray cluster of several nodes, a database, replicas of the service."""

import heapq
import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ray.cluster_utils import Cluster
from sqlalchemy import Engine, select

from service.db import migrate
from service.db.engine import opened_engine
from service.db.models import LeaseRow
from service.db.session import Database
from service.db.store import Store
from service.domain.errors import DatabaseUnavailableError
from tests.chaos import processes
from tests.chaos.databases import ChaosDatabase
from tests.chaos.plan import Kill, Part
from tests.e2e.service_process import ServiceProcess

_NODES = 2
_CPUS_PER_NODE = 1
_OBJECT_STORE_BYTES = 80 << 20
_RESTART_SECONDS = 1.0

HOLDER = "with the lease"
"""Part of what :meth:`Deployment.kill` says when it hit the replica that runs trials."""


class Replica:
    """A process of the service, started again when it ends, as a service manager does."""

    def __init__(self, name: str, process: ServiceProcess) -> None:
        self.name = name
        self.process = process
        self.launched_at = 0.0
        self.has_listened = False
        self.is_down_on_purpose = False

    def launch(self) -> None:
        """Starts it and returns at once."""
        self.process.launch()
        self.launched_at, self.has_listened, self.is_down_on_purpose = time.monotonic(), False, False


class Deployment:
    """Kills its parts and starts them again later; :meth:`tend` must be called often.

    Attributes:
        store: The deployment's database.
        checkpoint_dir: Where its checkpoints lie.
        replicas: Of the service.
        faults: What went wrong that nobody had planned.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        database: ChaosDatabase,
        cluster: Cluster,
        replicas: list[Replica],
        checkpoint_dir: Path,
        mark: bytes,
    ) -> None:
        self.store = Store(engine)
        self.checkpoint_dir = checkpoint_dir
        self.replicas = replicas
        self.faults: list[str] = []
        self.address: str = cluster.address
        self._engine = engine
        self._database = database
        self._cluster = cluster
        self._mark = mark
        self._due: list[tuple[float, int, Callable[[], Any]]] = []
        self._order = itertools.count()
        self._database_is_down = False
        self._database_up_at = 0.0

    def parts(self) -> list[Part]:
        """What can be killed."""
        return [part for part in Part if part is not Part.DATABASE or self._database.can_be_killed]

    def kill(self, kill: Kill) -> str | None:
        """Carries out a kill; returns what was hit, or None if there is nothing to hit now."""
        match kill.part:
            case Part.WORKER:
                return self._kill_worker(kill.choice)
            case Part.NODE:
                return self._kill_node(kill)
            case Part.SERVICE | Part.SERVICE_TERM:
                return self._kill_replica(kill)
            case Part.DATABASE:
                return self._kill_database(kill)

    def tend(self) -> None:
        """Starts what is due to come back, and replicas that have ended."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
        for replica in self.replicas:
            if replica.is_down_on_purpose:
                continue
            if replica.process.pid is None:
                self._restart_ended(replica)
            elif not replica.has_listened:
                replica.has_listened = replica.process.listens()

    def bring_all_back(self) -> None:
        """Starts everything that is down."""
        while self._due:
            heapq.heappop(self._due)[2]()

    def holder(self) -> Replica | None:
        """The replica that holds the lease, if the database answers and the holder lives."""
        try:
            with Database(self._engine).reading() as session:
                owner = session.scalars(select(LeaseRow.owner)).one()
        except DatabaseUnavailableError:
            return None
        pid = None if owner is None else int(owner.split(":")[1])
        return next((replica for replica in self.replicas if pid and replica.process.pid == pid), None)

    def workers(self) -> list[int]:
        """Process ids of all search workers."""
        return sorted(processes.marked(self._mark, b"ray::SearchWorker"))

    def _kill_worker(self, choice: float) -> str | None:
        workers = self.workers()
        if not workers:
            return None
        pid = workers[int(choice * len(workers))]
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return None
        return f"1 of {len(workers)}"

    def _kill_node(self, kill: Kill) -> str | None:
        nodes = sorted(self._cluster.worker_nodes, key=lambda node: node.unique_id)
        if not nodes:
            return None
        self._cluster.remove_node(nodes[int(kill.choice * len(nodes))], allow_graceful=False)
        self._later(kill.down_seconds, lambda: add_node(self._cluster))
        return f"1 of {len(nodes)}"

    def _kill_replica(self, kill: Kill) -> str | None:
        """The one with the lease three times out of four, if it is known."""
        alive = [replica for replica in self.replicas if replica.process.pid is not None]
        if not alive:
            return None
        holder = self.holder()
        at_random = alive[int(kill.choice * len(alive))]
        victim = holder if holder is not None and kill.choice < 0.75 else at_random
        role = HOLDER if victim is holder else "standby or starting"
        victim.is_down_on_purpose = True
        if kill.part is Part.SERVICE:
            victim.process.kill()
        else:
            victim.process.stop()
        self._later(kill.down_seconds, victim.launch)
        return f"{victim.name}, {role}"

    def _kill_database(self, kill: Kill) -> str | None:
        if self._database_is_down:
            return None
        self._database_is_down = True
        self._database.kill()
        self._later(kill.down_seconds, self._start_database)
        return f"down for {kill.down_seconds:.0f} s"

    def _start_database(self) -> None:
        self._database.start()
        self._database_is_down, self._database_up_at = False, time.monotonic()

    def _restart_ended(self, replica: Replica) -> None:
        """A service may end by itself only while it starts, when its database does not answer."""
        could_not_start = self._database_is_down or self._database_up_at > replica.launched_at
        if replica.has_listened or not could_not_start:
            log = replica.process.log_path.read_text()[-1500:]
            self.faults.append(f"{replica.name} ended by itself:\n{log}")
        replica.is_down_on_purpose = True
        self._later(_RESTART_SECONDS, replica.launch)

    def _later(self, seconds: float, action: Callable[[], Any]) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), action))


def add_node(cluster: Cluster) -> None:
    """A machine for workers."""
    cluster.add_node(num_cpus=_CPUS_PER_NODE, object_store_memory=_OBJECT_STORE_BYTES)


@contextmanager
def deployed(database: ChaosDatabase, folder: Path, *, replicas: int, mark: bytes) -> Iterator[Deployment]:
    """A running deployment whose database has no rows yet; at the end everything is stopped."""
    with ExitStack() as stack:
        database.start()
        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "object_store_memory": _OBJECT_STORE_BYTES},
            shutdown_at_exit=False,  # else a removed node's reaper may end this process's group
        )
        stack.callback(cluster.shutdown)
        for _ in range(_NODES):
            add_node(cluster)
        engine = stack.enter_context(opened_engine(database.url))
        migrate.upgrade(engine)
        environment = {
            "SPNAS_DATABASE_URL": database.url,
            "SPNAS_RAY_ADDRESS": cluster.address,
            "SPNAS_CHECKPOINT_DIR": str(folder / "checkpoints"),
        }
        named = [f"replica {number}" for number in range(1, replicas + 1)]
        running = [
            Replica(name, ServiceProcess(folder / name.replace(" ", "-"), environment)) for name in named
        ]
        for replica in running:
            stack.callback(replica.process.stop)
            replica.launch()
        yield Deployment(
            engine=engine,
            database=database,
            cluster=cluster,
            replicas=running,
            checkpoint_dir=folder / "checkpoints",
            mark=mark,
        )
