"""What crosses between a load benchmark and the process that makes the load."""

import subprocess
import sys
from collections.abc import Sequence

from pydantic import BaseModel

from benchmarks._processes import on_cores


class Call(BaseModel):
    """A request that is repeated.

    Attributes:
        name: In the figures.
        method: HTTP method.
        path: With the query.
        headers: Besides Locust's own, which accept gzip.
        body: Sent as JSON.
        status: What the answer must be.
    """

    name: str
    method: str = "GET"
    path: str
    headers: dict[str, str] = {}
    body: dict[str, object] | None = None
    status: int = 200


class Plan(BaseModel):
    """Every call, for each number of users, for so long."""

    url: str
    calls: list[Call]
    users: list[int]
    seconds: float


class Measured(BaseModel):
    """Response times of a call, in the order of the answers, that came within so many seconds."""

    call: str
    users: int
    milliseconds: list[float]
    seconds: float


class Results(BaseModel):
    """Of a plan, in its order."""

    measured: list[Measured]


def carried_out(plan: Plan, cores: Sequence[int]) -> list[Measured]:
    """Runs a plan in a process of its own.

    Raises:
        RuntimeError: An answer was wrong.
    """
    with on_cores(cores):
        load = subprocess.run(
            [sys.executable, "-m", "benchmarks._load"],
            input=plan.model_dump_json(),
            capture_output=True,
            text=True,
            check=False,
        )
    if load.returncode != 0:
        raise RuntimeError(f"the load could not be put on the service: {load.stderr.strip()[-2000:]}")
    return Results.model_validate_json(load.stdout).measured
