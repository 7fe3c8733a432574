"""How the memory of the service grows over 5,000 trials.

    python -m benchmarks.memory [--quick] [--json FILE]

The service as `spnas serve` runs it, with the embedded engine and SQLite; only the searches sleep instead of
training. Meanwhile a client asks for what a dashboard shows. The first tenth of the trials is the warm-up:
pools fill, statements are compiled, modules are loaded. The growth is that of the service's own process from
there on, by a straight line through the samples, and by one through those of the second half: until then the
caches of the database are full. Ray's processes and the workers are not counted.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks._processes import wait_until_ready
from benchmarks._publish import print_figures, write_json
from benchmarks._sleeping import images_of
from service.client import Client
from service.domain.spec import StudySpec
from service.domain.states import TrialState

_WORKERS = 2
_STUDIES = 10
_EPOCHS, _EPOCH_SECONDS = 2, 0.01
_SAMPLE_SECONDS = 1.0
_WARM_UP = 0.1

Sample = tuple[int, float]
"""(completed trials, resident memory in MiB)."""


@contextmanager
def sleeping_service(data_dir: Path) -> Iterator[tuple[int, str]]:
    """The service with a dispatcher; gives its process id and URL."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("SPNAS_", "RAY_"))}
    environment |= {
        "SPNAS_DATA_DIR": str(data_dir),
        "SPNAS_PORT": "0",
        "SPNAS_EMBEDDED_CPUS": str(_WORKERS),
        "SPNAS_LOG_LEVEL": "WARNING",
    }
    with (data_dir / "service.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks._sleeping_service"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
        )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        url = process.stdout.readline().decode().strip()
        if not url:
            raise RuntimeError(f"the service did not start:\n{(data_dir / 'service.log').read_text()}")
        try:
            wait_until_ready(process, f"{url}/readyz")
            yield process.pid, url
        finally:
            process.stdin.close()


def resident_mib(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return float(pages * os.sysconf("SC_PAGE_SIZE")) / 2**20


def samples(trials: int) -> Iterator[Sample]:
    """One each second, while studies of so many trials in all run to their end."""
    with tempfile.TemporaryDirectory(prefix="spnas-bench-") as name, sleeping_service(Path(name)) as found:
        pid, url = found
        spec = StudySpec.model_validate(
            {
                "target_runtime_ms": 80,
                "solver": {"kind": "random"},
                "epochs": {"min": _EPOCHS, "max": _EPOCHS},
                "budget_epochs": trials // _STUDIES * _EPOCHS,
                "search": {"max_train_images": images_of(_EPOCH_SECONDS)},
                "reuse_trials": False,
            }
        )
        with Client(url) as client:
            ids = [client.create_study(spec).id for _ in range(_STUDIES)]
            done = 0
            while done < trials:
                time.sleep(_SAMPLE_SECONDS)
                studies = [client.get_study(study_id) for study_id in ids]
                failed = [study.error for study in studies if study.error]
                if failed:
                    raise RuntimeError(f"a study failed: {failed[0]}")
                done = sum(study.trial_counts[TrialState.COMPLETED] for study in studies)
                client.list_studies()
                client.figure(ids[-1], "progress")
                yield done, resident_mib(pid)


def figures_of(found: list[Sample], trials: int) -> dict[str, float]:
    """Memory after the warm-up and at the end; growth per 1,000 trials, and that of the second half alone."""
    slope, start = _line(found, _WARM_UP * trials)
    later_slope, _ = _line(found, trials / 2)
    first = start + slope * _WARM_UP * trials
    return {
        "after_warm_up_mib": first,
        "at_the_end_mib": start + slope * trials,
        "growth_per_1000_trials_mib": 1000 * slope,
        "growth_per_1000_trials_ratio": 1000 * slope / first,
        "growth_per_1000_trials_in_second_half_mib": 1000 * later_slope,
        "highest_mib": max(mib for _, mib in found),
    }


def _line(found: list[Sample], first: float) -> tuple[float, float]:
    """Growth per trial, and memory at none, by the samples from the trial ``first`` on."""
    done, mib = np.array([sample for sample in found if sample[0] >= first]).T
    slope, start = np.polyfit(done, mib, 1)
    return float(slope), float(start)


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.memory", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="200 trials; ends within a minute or two")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    arguments = parser.parse_args()
    trials = 200 if arguments.quick else 5000
    figures = figures_of(list(samples(trials)), trials)
    print_figures(figures)
    if arguments.json is not None:
        settings = {
            "trials": trials,
            "studies": _STUDIES,
            "epochs": _EPOCHS,
            "epoch_seconds": _EPOCH_SECONDS,
            "workers": _WORKERS,
            "database": "sqlite",
        }
        write_json(arguments.json, "memory", ("ray", "sqlalchemy", "fastapi"), settings, figures)


if __name__ == "__main__":
    main()
