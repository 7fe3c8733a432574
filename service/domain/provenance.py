"""What the outcome of a trial depends on, besides its own settings."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from nas_worker.job import SearchSettings
from nas_worker.versions import COMPUTING


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a trial is, or was, run with.

    Attributes:
        platform_hash: SHA-256 of the latency table.
        dataset_fingerprint: SHA-256 of the data set and its splits; None: the service cannot read the data.
        code_version: Version of the code that runs the search, for people; see ``versions`` of identity().
    """

    platform_hash: str
    dataset_fingerprint: str | None
    code_version: str


@dataclass(frozen=True, slots=True)
class TrialOrigin:
    """The trial whose outcome another one has taken: its study's id, and its number there."""

    study_id: str
    number: int


def identity(
    search: SearchSettings,
    provenance: Provenance,
    versions: Mapping[str, str],
    *,
    threads: int,
    gpus: float,
    lambda_: float,
    epochs: int,
    seed: int,
    hinge_target_ms: float | None,
) -> str | None:
    """The same text for trials that must have the same outcome, and for no others.

    Args:
        search: How the search is run.
        provenance: With what.
        versions: With which software, see :func:`nas_worker.versions.software_versions`.
        threads: Torch's; sums differ with how they are split.
        gpus: Of which the search has so many.
        lambda_: Trade-off of Eq. 10.
        epochs: Length of the search.
        seed: Seed of the search.
        hinge_target_ms: Target of a hinged runtime term, or None.

    Returns:
        64 hex digits; None where the data set or the software is not known well enough to tell.
    """
    if provenance.dataset_fingerprint is None or not versions.keys() >= {*COMPUTING}:
        return None
    parts = {
        "search": search.model_dump(mode="json"),
        "platform": provenance.platform_hash,
        "dataset": provenance.dataset_fingerprint,
        "software": {name: versions[name] for name in COMPUTING},
        "threads": threads,
        "gpus": gpus,
        "lambda": lambda_,
        "epochs": epochs,
        "seed": seed,
        "hinge_target_ms": hinge_target_ms,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
