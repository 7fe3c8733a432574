"""Whether a worker runs the same code as the service. On a cluster they are installed apart."""

from collections.abc import Mapping

from nas_worker.actor import WorkerInfo
from nas_worker.versions import software_versions

_CODE = "nas_worker"


def other_code(info: WorkerInfo, *, is_embedded: bool) -> str | None:
    """Why a worker must run no trial of this service: its searches are another version's. None: they are not.

    Other versions of torch or numpy are no reason: they change the last digits, so such trials are only never
    taken for identical ones.

    Args:
        info: Of the worker.
        is_embedded: Whether it runs on the service's own machine, from the same files.
    """
    ours, theirs = software_versions(), info.versions
    if theirs.get(_CODE) == ours[_CODE]:
        return None
    remedy = (
        "its files have changed since the service started, so restart it"
        if is_embedded
        else "install the service's version on all nodes, or have SPNAS_RAY_RUNTIME_ENV ship it"
    )
    return (
        f"trials wait: a worker on {info.host} has other code than the service ({_version(theirs)} there, "
        f"{_version(ours)} here); {remedy}"
    )


def _version(versions: Mapping[str, str]) -> str:
    return (
        f"spnas-tuner {versions.get('spnas-tuner', 'unknown')} with sources {versions.get(_CODE, 'unknown')}"
    )
