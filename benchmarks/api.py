"""How fast the REST API answers at 10,000 studies and with one study of 10,000 trials.

    python -m benchmarks.api [--quick] [--json FILE]

Locust puts the load on over loopback. The service is a process of its own, pinned to one core, on SQLite
and without a dispatcher; Locust has the other cores. Each call is repeated by one user, which shows how long
an answer takes, and by eight, who keep the core busy. Users wait for an answer before they ask again.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks._filled import fill
from benchmarks._load_plan import Call, Measured, Plan, carried_out
from benchmarks._processes import service, split_cores
from benchmarks._publish import write_json
from service.db.engine import opened_engine

STUDIES, TRIALS = 10_000, 10_000
_TRIALS_OF_OTHERS = 2
_CHANGED_TRIALS = 10
_USERS = [1, 8]
_PACKAGES = ("locust", "fastapi", "uvicorn", "sqlalchemy", "pydantic")


def calls(url: str, study_id: str, trials: int) -> list[Call]:
    """What clients ask for most, of a service whose largest study has so many trials."""
    path = f"/v1/studies/{study_id}"
    with httpx.Client(base_url=url, timeout=60) as client:
        etag = client.get(path).raise_for_status().headers["etag"]
        trial = client.get(f"{path}/trials/{max(0, trials - _CHANGED_TRIALS)}").raise_for_status().json()
    deltas = f"{path}/trials?updated_since={trial['updated_at']}"
    unchanged = {"If-None-Match": etag}
    return [
        Call(name="list", path="/v1/studies?page_size=50"),
        Call(name="get_study", path=path),
        Call(name="get_unchanged_study", path=path, headers=unchanged, status=304),
        Call(name="trial_deltas", path=deltas),
        Call(name="create", method="POST", path="/v1/studies", body={"target_runtime_ms": 80}, status=201),
    ]


def figures_of(measured: Sequence[Measured]) -> dict[str, float]:
    """Median and 99th percentile in ms, and answers per second, for each call and number of users."""
    figures = {}
    for each in measured:
        name = f"{each.call}_{each.users}_users"
        p50, p99 = np.percentile(each.milliseconds, [50, 99])
        figures[f"{name}_p50_ms"] = float(p50)
        figures[f"{name}_p99_ms"] = float(p99)
        figures[f"{name}_requests_per_s"] = len(each.milliseconds) / each.seconds
    return figures


def measure(studies: int, trials: int, seconds: float) -> list[Measured]:
    """Fills a database, serves it and puts load on, each call and number of users for so many seconds."""
    of_service, of_load = split_cores()
    with tempfile.TemporaryDirectory(prefix="spnas-bench-") as folder:
        data_dir = Path(folder)
        with opened_engine(f"sqlite:///{data_dir / 'spnas.db'}") as engine:
            study_id = fill(engine, studies=studies, trials_each=_TRIALS_OF_OTHERS, trials_of_last=trials)
        with service(data_dir, of_service) as url:
            plan = Plan(url=url, calls=calls(url, study_id, trials), users=_USERS, seconds=seconds)
            return carried_out(plan, of_load)


def table_of(measured: Sequence[Measured]) -> Table:
    """A line for each call and number of users."""
    table = Table("call", "users", "p50 ms", "p99 ms", "requests/s")
    figures = figures_of(measured)
    for each in measured:
        name = f"{each.call}_{each.users}_users"
        cells = (figures[f"{name}_{figure}"] for figure in ("p50_ms", "p99_ms", "requests_per_s"))
        table.add_row(each.call, str(each.users), *(f"{cell:.4g}" for cell in cells))
    return table


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="shorter load; ends within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    arguments = parser.parse_args()
    seconds = 2.0 if arguments.quick else 20.0
    measured = measure(STUDIES, TRIALS, seconds)
    Console().print(table_of(measured))
    if arguments.json is not None:
        settings = {"studies": STUDIES, "trials": TRIALS, "database": "sqlite", "seconds_per_call": seconds}
        write_json(arguments.json, "api", _PACKAGES, settings, figures_of(measured))


if __name__ == "__main__":
    main()
