"""`spnas sweep`."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from service.api.schemas import Study, StudySpec, Trial
from service.cli.connection import Connection, connect
from service.cli.console import complain, say, show, show_json
from service.cli.exit_codes import ExitCode
from service.cli.options import DatasetName, Json, PlatformName, Server
from service.cli.render.numbers import duration, lambda_text
from service.cli.render.table import fields
from service.cli.spec import fields_of_flags
from service.cli.sweep.analysis import SweepReport, TargetReport, cost_of, report
from service.cli.sweep.export import check_files, csv_text, write_html, write_png
from service.cli.sweep.figure import figure
from service.cli.sweep.grid import SweepGrid, parse_epochs, parse_lambdas, sweep_spec
from service.cli.sweep.heatmap import Heatmap
from service.cli.sweep.run import interrupted_seconds, open_sweep, seconds_per_epoch
from service.cli.sweep.summary import cost_text, summary
from service.cli.watch import watch_study
from service.domain.states import StudyState


def sweep(
    *,
    lambdas: Annotated[
        str, typer.Option("--lambda", metavar="LOW:HIGH:N", help="On the log scale; or a list, 0.3,1,3.")
    ] = "0.1:10:9",
    epochs: Annotated[str, typer.Option(metavar="MIN:MAX", help="Fidelities; or a list, 2,4,8.")] = "2:8",
    repeats: Annotated[int, typer.Option(min=1, metavar="K", help="Searches per cell.")] = 1,
    target: Annotated[
        list[float] | None, typer.Option(metavar="MS", help="Score for this target; several allowed.")
    ] = None,
    platform: PlatformName = None,
    dataset: DatasetName = None,
    parallel: Annotated[int, typer.Option(min=1, metavar="N", help="Searches at a time.")] = 1,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Another seed is another sweep.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Any other field, such as search.width=0.5."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the grid and its cost only.")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the searches as CSV.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the heatmap as a page.")] = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the heatmap as a picture.")] = None,
    server: Server = None,
    as_json: Json = False,
) -> None:
    """Search every lambda at every number of epochs, and show what that tells.

    The same command goes on where an interrupted one stopped, and shows the result again once it is
    there. Further targets cost nothing.

    Example: spnas sweep --lambda 0.1:10:6 --epochs 2:8 --target 80 --target 60 --parallel 2
    """
    check_files(csv=csv, html=html, png=png)
    grid = SweepGrid(parse_lambdas(lambdas), parse_epochs(epochs), repeats)
    targets = tuple(dict.fromkeys(target or (80.0,)))
    flags = fields_of_flags(
        name=f"sweep: {len(grid.lambdas)} lambdas x {len(grid.epochs)} fidelities",
        target_runtime_ms=targets[0],
        platform=platform,
        max_parallel_trials=parallel,
        seed=seed,
        lambda_range=None,
        epochs=None,
        dataset=dataset,
        tags=("sweep",),
        settings=set_ or (),
    )
    spec = sweep_spec(grid, flags)
    with connect(server, runs_trials=not dry_run) as connection:
        if dry_run:
            _show_plan(connection, grid, spec)
            return
        study = _search(connection, spec)
        trials = list(connection.client.trials(study.id))
        cost = cost_of(trials, interrupted_seconds(connection.client, study.id, trials))
    reports = [report(grid, trials, target_ms) for target_ms in targets]
    _export(reports, trials, targets, csv=csv, html=html, png=png)
    if as_json:
        show_json(SweepReport.of(study.id, cost, reports))
    else:
        show(*(part for each in reports for part in (Heatmap(each), Text(), summary(each), Text())))
        show(f"the grid cost {cost_text(cost)}")
    if study.state is not StudyState.COMPLETED:
        complain(f"the sweep is {study.state}" + (f": {study.error}" if study.error else ""))
        raise typer.Exit(ExitCode.FAILED)


def _show_plan(connection: Connection, grid: SweepGrid, spec: StudySpec) -> None:
    pace = seconds_per_epoch(connection.client, spec)
    if pace is None:
        time_text = "unknown until such a search has run here; `spnas search --epochs 1` tells an epoch's"
    else:
        seconds, trials = pace
        total = seconds * grid.cost_epochs
        at_a_time = spec.max_parallel_trials
        time_text = (
            f"about {duration(total / at_a_time)} with {at_a_time} at a time; {total / 3600:.2f} h of search "
            f"time, as the last {trials} such searches took"
        )
    show(
        fields(
            **{"lambda": ", ".join(map(lambda_text, grid.lambdas))},
            epochs=", ".join(map(str, grid.epochs)),
            searches=f"{grid.searches}: {len(grid.lambdas)} x {len(grid.epochs)} x {grid.repeats}",
            cost=f"{grid.cost_epochs} epochs",
            time=time_text,
        )
    )


def _search(connection: Connection, spec: StudySpec) -> Study:
    study, is_known = open_sweep(connection.client, spec)
    for warning in study.warnings:
        say(f"warning: {warning}", "yellow")
    if study.state.is_final:
        return study
    if is_known:
        say(f"goes on with study {study.id}")
    say(f"dashboard: {connection.url}/studies/{study.id}", "dim")
    return watch_study(connection, study.id, come_back=shlex.join(["spnas", *sys.argv[1:]]))


def _export(
    reports: Sequence[TargetReport],
    trials: Sequence[Trial],
    targets_ms: Sequence[float],
    *,
    csv: Path | None,
    html: Path | None,
    png: Path | None,
) -> None:
    if csv is not None:
        csv.write_text(csv_text(trials, targets_ms), encoding="utf-8")
    if html is not None:
        write_html(figure(reports), html)
    if png is not None:
        write_png(figure(reports), png)
    for path in filter(None, (csv, html, png)):
        say(f"wrote {path}", "dim")
