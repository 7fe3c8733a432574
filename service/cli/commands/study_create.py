"""`spnas study create`."""

from pathlib import Path
from typing import Annotated

import typer

from service.api.schemas import Study, StudySpec
from service.cli.completion import solver_kinds
from service.cli.connection import Connection, connect
from service.cli.console import say, show_json
from service.cli.options import DatasetName, Json, PlatformName, Server, Watch
from service.cli.parse import merged
from service.cli.spec import fields_of_file, fields_of_flags, spec_of, with_solver
from service.cli.watch import conclude, stays, watch_study


def create(
    *,
    target: Annotated[
        list[float] | None, typer.Option("--target", metavar="MS", help="Target runtime; several allowed.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", metavar="FILE", help="Study as .toml, .yaml or .json; flags win."),
    ] = None,
    platform: PlatformName = None,
    solver: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="bayesian, random, grid, ...", autocompletion=solver_kinds),
    ] = None,
    solver_option: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Option of the solver.")
    ] = None,
    lambda_range: Annotated[str | None, typer.Option(metavar="LOW:HIGH", help="Range of lambda.")] = None,
    epochs: Annotated[str | None, typer.Option(metavar="MIN:MAX", help="Epochs of a trial.")] = None,
    budget: Annotated[int | None, typer.Option(metavar="EPOCHS", help="Epochs of all trials.")] = None,
    parallel: Annotated[int | None, typer.Option(metavar="N", help="Trials at a time.")] = None,
    seed: Annotated[int | None, typer.Option(metavar="NAME", help="Seed of the study.")] = None,
    dataset: DatasetName = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Name in lists.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="WORD", help="Word to find it by; several allowed.")
    ] = None,
    notes: Annotated[str | None, typer.Option(metavar="TEXT", help="Anything worth remembering.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Any other field, such as search.width=0.5."),
    ] = None,
    watch: Watch = None,
    server: Server = None,
    as_json: Json = False,
) -> None:
    """Create a study: find the lambda, and so the ConvNet, for a target runtime.

    Example: spnas study create --target 80 --budget 96 --parallel 2
    """
    flags = fields_of_flags(
        target_runtime_ms=target[0] if target and len(target) == 1 else target or None,
        platform=platform,
        budget_epochs=budget,
        max_parallel_trials=parallel,
        seed=seed,
        name=name,
        notes=notes,
        lambda_range=lambda_range,
        epochs=epochs,
        dataset=dataset,
        tags=tag or (),
        settings=set_ or (),
    )
    fields = merged(fields_of_file(file) if file else {}, flags)
    if "target_runtime_ms" not in fields:
        raise typer.BadParameter("a study needs a target runtime in ms, such as 80", param_hint="--target")
    spec = spec_of(with_solver(fields, solver, solver_option or ()))
    with connect(server, runs_trials=watch is not False) as connection:
        study = _submit(connection, spec)
        if stays(connection, watch):
            conclude(watch_study(connection, study.id), as_json=as_json)
        else:
            _leave(connection, study, as_json=as_json)


def _submit(connection: Connection, spec: StudySpec) -> Study:
    study = connection.client.create_study(spec)
    for warning in study.warnings:
        say(f"warning: {warning}", "yellow")
    return study


def _leave(connection: Connection, study: Study, *, as_json: bool) -> None:
    if as_json:
        show_json(study)
    else:
        typer.echo(study.id)
    if connection.embedded is None:
        say(f"created; see it at {connection.url}/studies/{study.id} or with: spnas study watch {study.id}")
    else:
        say(f"created; it waits for a service: spnas serve, or spnas study watch {study.id}")
