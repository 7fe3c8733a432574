"""How the dispatcher works; made from the service's settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchSettings:
    """Settings of a dispatcher. Times are in seconds.

    Attributes:
        checkpoint_dir: Root of all trials' checkpoints, a path or a URL (see :mod:`nas_worker.storage`); on a
            cluster, storage that every node sees.
        ray_address: Address of an external Ray cluster, or None for an embedded one.
        ray_runtime_env: Ray's ``runtime_env`` for workers on an external cluster; none: what is on its nodes.
        embedded_cpus: CPU cores that the embedded engine offers to trials; None: all of this machine.
        embedded_gpus: GPUs that it offers; None: all that Ray finds.
        lease_ttl_seconds: After this long without a sign of life another dispatcher takes over.
        tick_seconds: Upper bound on how long a change in the database waits to be noticed.
        poll_seconds: How long one poll of a worker waits for news.
        stop_grace_seconds: A worker that was told to stop at once and has not is killed after this.
        survey_seconds: How often it looks at the engine's machines, and for checkpoints to remove.
        idle_worker_seconds: A warm worker without a trial is given back after this.
        retry_backoff_seconds: Wait before a lost worker's first retry; doubles each time, up to a minute.
        dataset_roots: Folders that data sets in files may lie in.
        allow_hub: Whether data sets may come from the Hugging Face hub.
        max_crashes: A trial that lost more workers than this fails.
        max_failures_in_a_row: A study whose last trials all failed, this many of them, fails.
    """

    checkpoint_dir: str
    ray_address: str | None = None
    ray_runtime_env: Mapping[str, Any] | None = None
    dataset_roots: tuple[str, ...] = ()
    allow_hub: bool = False
    embedded_cpus: int | None = None
    embedded_gpus: int | None = None
    lease_ttl_seconds: float = 10.0
    tick_seconds: float = 0.2
    poll_seconds: float = 1.0
    stop_grace_seconds: float = 10.0
    survey_seconds: float = 5.0
    idle_worker_seconds: float = 5.0
    retry_backoff_seconds: float = 1.0
    max_crashes: int = 3
    max_failures_in_a_row: int = 5
