"""How few epochs solvers need, on synthetic families and recorded tables, beside the tuners of others.

    python -m benchmarks.solvers --quick
    python -m benchmarks.solvers --json solvers.json

A study is replayed with a virtual clock, for each seed on another member of the family. "Within 1 %" means
that Eq. 19, expected of searches with the recommended lambda, is within 1 % of the best there is. Grid is
left out, since it does not adapt, and targeted, since what it recommends is no plain lambda.
"""

import argparse
import json
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks._families import FAMILIES, member
from benchmarks._landscape import Landscape
from benchmarks._peers import PEERS
from benchmarks._publish import write_json
from benchmarks._simulator import Moment, Replay, Tuner, replay
from benchmarks._table import recorded
from solver.registry import SOLVERS

_WITHIN = 0.01
_MOMENTS = (40, 80, 160, 400)
_OURS = ("random", "bayesian", "multi_fidelity", "hyperband", "composite")
_QUICK = ("random", "bayesian", "composite", "optuna_tpe", "optuna_gp")
_HEADINGS = {
    "median_epochs_to_1pct": "median",
    "p90_epochs_to_1pct": "p90",
    "share_never_within_1pct": "never",
    "median_epochs_until_settled_within_1pct": "settled",
    "mean_seconds_per_suggestion": "s/ask",
}
_CAPTION = (
    "Epochs until the recommendation is within 1 % of the best reward: median, 90th percentile and share "
    "that never got there; median until it stays there. %@N: mean regret in % after N epochs."
)


@dataclass(frozen=True, order=True)
class Study:
    """One replay: a tuner on the member of a landscape that belongs to a seed."""

    landscape: str
    workers: int
    tuner: str
    seed: int
    budget_epochs: int

    def run(self) -> Replay:
        """Replays it."""
        return replay(
            make_tuner(self.tuner),
            make_landscape(self.landscape, self.seed),
            self.budget_epochs,
            self.workers,
        )


def make_tuner(name: str) -> Tuner:
    """A solver of the registry by its kind, or a peer by its name."""
    if name in PEERS:
        return PEERS[name]()
    kinds = {solver.model_fields["kind"].default: solver for solver in SOLVERS}
    return kinds[name].model_validate({})


def make_landscape(name: str, seed: int) -> Landscape:
    """A member of a family by its name, or of a table by its path."""
    return member(name, seed) if name in FAMILIES else recorded(Path(name), seed)


def summarise(replays: list[Replay], budget_epochs: int) -> dict[str, float]:
    """Figures of one tuner on one landscape; epochs are infinite where it never got there."""
    first = np.array([run.epochs_until(_WITHIN) for run in replays])
    settled = np.array([run.epochs_until_settled(_WITHIN) for run in replays])
    figures = {
        "median_epochs_to_1pct": float(np.median(first)),
        "p90_epochs_to_1pct": float(np.percentile(first, 90, method="higher")),
        "share_never_within_1pct": float(np.mean(np.isinf(first))),
        "median_epochs_until_settled_within_1pct": float(np.median(settled)),
    }
    for epochs in (moment for moment in _MOMENTS if moment <= budget_epochs):
        regrets = [run.regret_at(epochs) for run in replays]
        figures[f"mean_regret_pct_at_{epochs}"] = 100 * float(np.mean(regrets))
    seconds = np.concatenate([run.suggestion_seconds for run in replays])
    figures["mean_seconds_per_suggestion"] = float(seconds.mean())
    return figures


def ratios(summaries: dict[str, dict[str, float]]) -> Iterator[tuple[str, float]]:
    """The epochs that composite needs over those of others, where they have a median."""
    if "composite" not in summaries:
        return
    own = summaries["composite"]["median_epochs_to_1pct"]
    for tuner, summary in summaries.items():
        other = summary["median_epochs_to_1pct"]
        if tuner != "composite" and np.isfinite(own) and np.isfinite(other):
            yield f"composite_over_{tuner}_median_epochs_to_1pct_ratio", own / other


def show(console: Console, title: str, summaries: dict[str, dict[str, float]]) -> None:
    """Prints the tuners on one landscape."""
    table = Table(title=title, caption=_CAPTION)
    table.add_column("tuner", no_wrap=True)
    for name in next(iter(summaries.values())):
        table.add_column(_HEADINGS.get(name) or name.replace("mean_regret_pct_at_", "%@"), justify="right")
    for tuner, summary in summaries.items():
        table.add_row(tuner, *("never" if np.isinf(value) else f"{value:.3g}" for value in summary.values()))
    console.print(table)


def run_all(studies: list[Study], processes: int, kept: Path | None = None) -> dict[Study, Replay]:
    """Replays in so many processes, one thread each.

    Args:
        studies: What is wanted.
        processes: How many at once.
        kept: JSON lines of replays; those that it has are not run again, each other is appended as it ends.
            It knows nothing of the code and the tables that they were made with.
    """
    done = read_replays(kept) if kept is not None and kept.exists() else {}
    missing = [study for study in studies if study not in done]
    if not missing:
        return done
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    context = multiprocessing.get_context("spawn")  # so that the libraries read these variables
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        futures = {pool.submit(study.run): study for study in missing}
        try:
            for future in as_completed(futures):
                study = futures[future]
                done[study] = future.result()
                if kept is not None:
                    with kept.open("a") as file:
                        file.write(json.dumps(_line(study, done[study])) + "\n")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return done


def read_replays(path: Path) -> dict[Study, Replay]:
    """Replays kept by an earlier call, without their trials."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        Study(**line["study"]): Replay(
            tuple(Moment(*moment) for moment in line["moments"]), tuple(line["suggestion_seconds"])
        )
        for line in lines
    }


def _line(study: Study, replay: Replay) -> dict[str, Any]:
    moments = [(moment.clock, moment.spent_epochs, moment.regret) for moment in replay.moments]
    return {
        "study": asdict(study),
        "moments": moments,
        "suggestion_seconds": [round(seconds, 4) for seconds in replay.suggestion_seconds],
    }


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Options; ``--quick`` only changes defaults."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.solvers", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="few seeds and epochs; ends within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FILE",
        help="keep replays here, to go on when interrupted; a new file when code or tables change",
    )
    parser.add_argument("--tuners", nargs="+", choices=[*_OURS, *PEERS], metavar="TUNER")
    parser.add_argument("--landscapes", nargs="+", metavar="FAMILY|TABLE.jsonl")
    parser.add_argument("--workers", nargs="+", type=int)
    parser.add_argument("--seeds", type=int, help="studies per figure")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--budget-epochs", type=int)
    parser.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    arguments = parser.parse_args(argv)
    found = sorted((Path(__file__).parent / "tables").glob("*.jsonl"))
    tables = [str(path) for path in found if not path.stem.endswith("_hinged")]  # no plain searches there
    quick = arguments.quick
    arguments.tuners = arguments.tuners or list(_QUICK if quick else (*_OURS, *PEERS))
    arguments.landscapes = arguments.landscapes or [*FAMILIES, *([] if quick else tables)]
    arguments.workers = arguments.workers or ([1] if quick else [1, 4])
    arguments.seeds = arguments.seeds or (6 if quick else 20)
    arguments.budget_epochs = arguments.budget_epochs or (80 if quick else 400)
    return arguments


def main(argv: list[str] | None = None) -> None:
    """Replays, prints a table per landscape and number of workers, and writes the figures."""
    arguments = parse(argv)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    groups = [(landscape, workers) for landscape in arguments.landscapes for workers in arguments.workers]
    studies = [
        Study(landscape, workers, tuner, seed, arguments.budget_epochs)
        for landscape, workers in groups
        for tuner in arguments.tuners
        for seed in seeds
    ]
    replays = run_all(studies, arguments.processes, arguments.keep)
    console = Console()
    figures: dict[str, float] = {}
    for landscape, workers in groups:
        summaries = {
            tuner: summarise(
                [replays[Study(landscape, workers, tuner, seed, arguments.budget_epochs)] for seed in seeds],
                arguments.budget_epochs,
            )
            for tuner in arguments.tuners
        }
        name = f"{Path(landscape).stem}.{workers}_workers"
        show(console, name.replace("_", " "), summaries)
        figures.update(finite(name, summaries))
    if arguments.json is not None:
        settings = {key: value for key, value in vars(arguments).items() if key not in ("json", "keep")}
        write_json(
            arguments.json, "solvers", ("dragonfly-opt", "optuna", "scipy", "numpy"), settings, figures
        )


def finite(name: str, summaries: dict[str, dict[str, float]]) -> Iterable[tuple[str, float]]:
    """Figures with full names; those that are infinite are left out, ``share_never`` tells of them."""
    for tuner, summary in summaries.items():
        for figure, value in summary.items():
            if np.isfinite(value):
                yield f"{name}.{tuner}.{figure}", value
    for figure, value in ratios(summaries):
        yield f"{name}.{figure}", value


if __name__ == "__main__":
    main()
