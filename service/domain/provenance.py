"""What the outcome of a trial depends on, besides its own settings."""

import hashlib
import json
from dataclasses import dataclass

from nas_worker.job import SearchSettings


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a trial is, or was, run with.

    Attributes:
        platform_hash: SHA-256 of the latency table.
        dataset_fingerprint: SHA-256 of the data set and its splits; None: the service cannot read the data.
        code_version: Version of the code that runs the search.
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
    *,
    lambda_: float,
    epochs: int,
    seed: int,
    hinge_target_ms: float | None,
) -> str | None:
    """The same text for trials that must have the same outcome, and for no others.

    Args:
        search: How the search is run.
        provenance: With what.
        lambda_: Trade-off of Eq. 10.
        epochs: Length of the search.
        seed: Seed of the search.
        hinge_target_ms: Target of a hinged runtime term, or None.

    Returns:
        64 hex digits; None where the data set is not known well enough to tell.
    """
    if provenance.dataset_fingerprint is None:
        return None
    parts = {
        "search": search.model_dump(mode="json"),
        "platform": provenance.platform_hash,
        "dataset": provenance.dataset_fingerprint,
        "code": provenance.code_version,
        "lambda": lambda_,
        "epochs": epochs,
        "seed": seed,
        "hinge_target_ms": hinge_target_ms,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
