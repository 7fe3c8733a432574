"""Kills workers, nodes, the service and PostgreSQL at random while studies run, and checks what is left.

    python -m tests.chaos [--seed N] [--studies 8] [--trials 200] [--kills 30] [--database both] [--quick]

Real searches on a real Ray cluster of two nodes. A seed gives the same plan of kills again; when they fall,
within a search, differs. On PostgreSQL, with two replicas, the time of a fail-over is measured first. The
exit status is 1 if anything that must hold does not.
"""

import argparse
import signal
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from service.domain.spec import StudySpec
from service.domain.states import TrialState
from tests.chaos import failover, invariants, processes
from tests.chaos.databases import ChaosDatabase, Postgres, Sqlite
from tests.chaos.deployment import Deployment, deployed
from tests.chaos.plan import Part, make_plan
from tests.chaos.storm import Hit, Log, Storm, spec

_CONSOLE = Console()
_DOOMED_EPOCHS = 10_000


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is run and killed."""

    seed: int
    studies: int
    trials: int
    kills: int


def main() -> int:
    """Runs and reports; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--studies", type=int, default=8, metavar="N")
    parser.add_argument("--trials", type=int, default=200, metavar="N", help="in all studies together")
    parser.add_argument("--kills", type=int, default=30, metavar="N")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--quick", action="store_true", help="3 studies, 18 trials, 6 kills")
    chosen = parser.parse_args()
    scale = Scale(chosen.seed, chosen.studies, chosen.trials, chosen.kills)
    if chosen.quick:
        scale = Scale(chosen.seed, studies=3, trials=18, kills=6)
    if scale.trials < scale.studies or scale.studies < 1 or scale.kills < 0:
        parser.error("at least one study, a trial for each, and no negative number of kills")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # and so stop what was started
    names = ("sqlite", "postgresql") if chosen.database == "both" else (chosen.database,)
    faults = [f"{name}: {fault}" for name in names for fault in run(name, scale)]
    for fault in faults:
        _CONSOLE.print(f"BROKEN  {fault}", style="red", markup=False, highlight=False)
    _CONSOLE.print("all invariants hold" if not faults else f"{len(faults)} invariants are broken")
    return 1 if faults else 0


def run(database_name: str, scale: Scale) -> list[str]:
    """One run on one database; returns what does not hold."""
    mark = processes.mark()
    # Not below pytest's or a user's folder: under root PostgreSQL runs as a user of its own.
    with tempfile.TemporaryDirectory(prefix="spnas-chaos-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        database = Postgres(folder) if database_name == "postgresql" else Sqlite(folder)
        replicas = 2 if database.can_be_killed else 1
        _CONSOLE.rule(f"{database_name}, {replicas} replica(s), {scale}")
        try:
            with deployed(database, folder, replicas=replicas, mark=mark) as deployment:
                faults = _run_storm(deployment, scale)
        finally:
            _stop(database)
        left = invariants.settled(lambda: [*processes.marked(mark).values()], 20)
        return faults + [f"process left: {command[:200]}" for command in left]


def _run_storm(deployment: Deployment, scale: Scale) -> list[str]:
    store = deployment.store
    faults: list[str] = []
    if len(deployment.replicas) > 1:
        result, doomed = failover.measure(deployment)
        faults += result.faults
        _CONSOLE.print(
            f"fail-over: lease after {result.seconds:.1f} s (target {failover.TARGET_SECONDS:g} s), "
            f"next epoch recorded after {result.seconds_to_epoch:.1f} s, "
            f"trials still on their workers and attempts: {'no' if result.faults else 'yes'}"
        )
    else:
        doomed, _ = store.studies.create(_doomed())
    share, rest = divmod(scale.trials, scale.studies)
    studies = [
        store.studies.create(spec(number, share + (number < rest), scale.seed))[0].id
        for number in range(scale.studies)
    ]
    log = Storm(deployment, studies, doomed.id, _say).run(
        make_plan(scale.seed, scale.kills, deployment.parts())
    )
    _report(deployment, studies, log)
    return faults + log.faults + deployment.faults + _broken(deployment, studies)


def _broken(deployment: Deployment, studies: list[str]) -> list[str]:
    """What does not hold in the end. Idle workers and checkpoints are given some seconds to go."""
    store, faults = deployment.store, []
    for study in studies:
        faults += invariants.check_study(store, study)
        disturbed = max(store.trials.history(study), key=lambda trial: trial.attempt)
        faults += invariants.check_outcome(store, study, disturbed.number)
    faults += invariants.settled(
        lambda: invariants.check_checkpoints(store, deployment.checkpoint_dir), timeout_seconds=30
    )
    faults += invariants.settled(
        lambda: invariants.check_actors_at(store, deployment.address), timeout_seconds=30
    )
    return faults + [f"worker process {pid} is left" for pid in deployment.workers()]


def _doomed() -> StudySpec:
    fields = spec(0, 1, 0).model_dump(exclude_unset=True)
    endless = {"epochs": {"min": _DOOMED_EPOCHS, "max": _DOOMED_EPOCHS}, "budget_epochs": _DOOMED_EPOCHS}
    return StudySpec.model_validate({**fields, **endless, "name": "to be deleted"})


def _say(hit: Hit) -> None:
    _CONSOLE.print(f"{hit.at_seconds:6.1f} s  {hit.kill.part}: {hit.victim}", highlight=False)


def _report(deployment: Deployment, studies: list[str], log: Log) -> None:
    table = Table("kill", "at s", "epochs", "part", "which one", "down for s", title="What was killed")
    for hit in log.hits:
        table.add_row(
            str(hit.kill.number),
            f"{hit.at_seconds:.1f}",
            str(hit.epochs),
            hit.kill.part,
            hit.victim,
            f"{hit.kill.down_seconds:.1f}",
        )
    _CONSOLE.print(table)
    table = Table("study", "state", "trials", "completed", "attempts", "lost workers", "epochs", "budget")
    for study_id in studies:
        study, trials = deployment.store.studies.get(study_id), deployment.store.trials.history(study_id)
        table.add_row(
            study.spec.name,
            study.state,
            str(len(trials)),
            str(study.trial_counts[TrialState.COMPLETED]),
            str(sum(trial.attempt for trial in trials)),
            str(sum(trial.crashes for trial in trials)),
            str(study.spent_epochs),
            str(study.spec.budget_epochs),
        )
    _CONSOLE.print(table)
    for part in (Part.SERVICE, Part.SERVICE_TERM):
        times = sorted(seconds for ended_by, seconds in log.takeovers if ended_by is part)
        if times:
            _CONSOLE.print(
                f"{part} of the holder, until the lease is held again: {len(times)} times, "
                f"median {statistics.median(times):.1f} s, longest {times[-1]:.1f} s"
            )
    _CONSOLE.print(f"{len(log.hits)} kills in {log.seconds:.0f} s")


def _stop(database: ChaosDatabase) -> None:
    if isinstance(database, Postgres):
        database.stop()


if __name__ == "__main__":
    sys.exit(main())
