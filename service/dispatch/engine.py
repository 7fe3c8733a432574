"""The execution engine: Ray, embedded in this process tree or an external cluster."""

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import ray
from ray.util import list_named_actors

from nas_worker.actor import SearchWorker
from service.dispatch.owner import is_alive
from service.dispatch.settings import DispatchSettings
from service.domain.spec import Resources

_LOG = logging.getLogger(__name__)
_EMBEDDED_OBJECT_STORE_BYTES = 80 << 20
_TEMP_PREFIX = "spnas-ray-"


class Engine:
    """A connection to Ray. Workers are detached and named, so another dispatcher can find them again.

    Args:
        settings: Where Ray is.
        namespace: Keeps the workers of this deployment apart from all others on the cluster.
    """

    def __init__(self, settings: DispatchSettings, namespace: str) -> None:
        self._settings = settings
        self._namespace = namespace
        self._temp_dir: Path | None = None

    @property
    def is_embedded(self) -> bool:
        """Whether workers end with this process."""
        return self._settings.ray_address is None

    def connect(self) -> None:
        """Starts or joins Ray. Not on the main thread of a server: Ray replaces its signal handlers there.

        Raises:
            ConnectionError: The external cluster does not answer, or asks for another token.
            RuntimeError: It runs another version of Ray or Python.
            AuthenticationError: ``RAY_AUTH_MODE`` is token, and there is none.
        """
        common: dict[str, Any] = {
            "namespace": self._namespace,
            "log_to_driver": False,
            "logging_level": logging.ERROR,
            "configure_logging": False,
        }
        if self._settings.ray_address is not None:
            self._join(self._settings.ray_address, common)
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        _remove_stale_temp_dirs()
        self._temp_dir = Path(tempfile.mkdtemp(prefix=f"{_TEMP_PREFIX}{os.getpid()}-"))
        ray.init(
            address="local",  # a bare init() would honour RAY_ADDRESS
            include_dashboard=False,
            num_cpus=self._settings.embedded_cpus,
            num_gpus=self._settings.embedded_gpus,
            object_store_memory=_EMBEDDED_OBJECT_STORE_BYTES,
            _temp_dir=str(self._temp_dir),
            _system_config={"enable_worker_prestart": False, "prestart_worker_first_driver": False},
            **common,
        )

    def _join(self, address: str, options: dict[str, Any]) -> None:
        try:
            ray.init(address=address, runtime_env=self._settings.ray_runtime_env, **options)
        except ConnectionError as error:
            # Ray says the same of a head that refuses the token as of one that is not there.
            mode = os.environ.get("RAY_AUTH_MODE", "not set")
            raise ConnectionError(
                f"{error}. Either it does not answer, or it asks for another token: RAY_AUTH_MODE is {mode} "
                "here, and RAY_AUTH_TOKEN must be the cluster's"
            ) from error

    def disconnect(self) -> None:
        """Leaves an external cluster, whose workers go on; stops the embedded one."""
        ray.shutdown()
        if self._temp_dir is not None:
            shutil.rmtree(self._temp_dir, ignore_errors=True)
            self._temp_dir = None

    def shortage(self, resources: Resources) -> str | None:
        """What no machine of the engine has as it is now, although a trial asks for it; None: nothing."""
        nodes = ray.nodes()  # type: ignore[no-untyped-call]  # Ray leaves it untyped
        machines = [node["Resources"] for node in nodes if node["Alive"]]
        sizes = [(machine.get("CPU", 0.0), machine.get("GPU", 0.0)) for machine in machines]
        if any(cpus >= resources.cpus and gpus >= resources.gpus for cpus, gpus in sizes):
            return None
        largest = "; ".join(_size_text(*size) for size in sorted(set(sizes), reverse=True)[:3])
        return (
            f"trials wait: each asks for {_size_text(resources.cpus, resources.gpus)}, and no machine of the "
            f"engine has that (largest: {largest or 'there is none'})"
        )

    def node_ids(self) -> frozenset[str]:
        """The machines of the engine that are alive."""
        nodes = ray.nodes()  # type: ignore[no-untyped-call]  # Ray leaves it untyped
        return frozenset(node["NodeID"] for node in nodes if node["Alive"])

    def create_worker(self, name: str, resources: Resources) -> Any:
        """Asks Ray for a worker and returns its handle at once; it may have to wait for resources."""
        actor_class = _actor_class(SearchWorker)
        return actor_class.options(
            name=name,
            lifetime="detached",
            max_restarts=0,
            max_concurrency=4,  # a poll waits while a stop comes in
            num_cpus=resources.cpus,
            num_gpus=resources.gpus,
        ).remote()

    def find_worker(self, name: str) -> Any | None:
        """The handle of a live worker, or None."""
        try:
            return ray.get_actor(name, namespace=self._namespace)
        except ValueError:
            return None

    def kill_workers_except(self, keep: Iterable[str]) -> list[str]:
        """Kills workers of this deployment that nobody refers to; returns their names."""
        kept = set(keep)
        orphans = [
            actor["name"]
            for actor in list_named_actors(all_namespaces=True)
            if actor["namespace"] == self._namespace and actor["name"] not in kept
        ]
        for name in orphans:
            handle = self.find_worker(name)
            if handle is not None:
                ray.kill(handle)
        return orphans


@cache
def _actor_class(worker: type[Any]) -> Any:
    """The same for all workers: Ray keeps each that it makes, some 50 kB."""
    return ray.remote(worker)


def _size_text(cpus: float, gpus: float) -> str:
    return f"{cpus:g} CPU cores" + (f" and {gpus:g} GPUs" if gpus else "")


def _remove_stale_temp_dirs() -> None:
    """Removes what embedded engines of processes that were killed have left."""
    for path in Path(tempfile.gettempdir()).glob(f"{_TEMP_PREFIX}*"):
        match = re.match(rf"{_TEMP_PREFIX}(\d+)-", path.name)
        if match and not is_alive(int(match[1])):
            shutil.rmtree(path, ignore_errors=True)
