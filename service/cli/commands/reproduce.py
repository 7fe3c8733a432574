"""`spnas reproduce`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from nas_worker.job import SearchSettings
from nas_worker.profiling.settings import BackendName, Clock
from service.cli.commands.platform_profile import profile
from service.cli.console import say, show, show_json
from service.cli.errors import InvalidFieldsError
from service.cli.options import Json
from service.cli.parse import assignments
from service.cli.platform_file import named_platform
from service.cli.render.table import PlainTable
from service.cli.sweep.export import write_html

if TYPE_CHECKING:
    from service.cli.reproduce.records import Records, Row
    from service.cli.reproduce.scale import Scale

app = typer.Typer(
    no_args_is_help=True,
    help="The paper's experiments: a table and a figure each.\n\n"
    "Example: spnas reproduce fig9 --out fig9 --quick",
)

_QUICK: dict[str, Any] = {"max_train_images": 128}
_QUICK_EPOCHS, _QUICK_RUNS = 2, 2

Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Where table, figure and records go.")]
Runs = Annotated[int | None, typer.Option(min=1, metavar="N", help="Repetitions with seeds of their own.")]
Epochs = Annotated[int | None, typer.Option(min=1, metavar="N", help="Length of searches and trainings.")]
Images = Annotated[int | None, typer.Option(min=2, metavar="N", help="Train on the first N images only.")]
Dataset = Annotated[str | None, typer.Option(metavar="NAME", help="Data set.")]
PlatformOption = Annotated[str, typer.Option(metavar="NAME|FILE", help="Latency table.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Setting, such as width=0.5.")
]
Threads = Annotated[int, typer.Option(min=1, metavar="N", help="Threads of the CPU.")]
Quick = Annotated[bool, typer.Option("--quick", help="As small as shows that it works.")]


class Reproduction(BaseModel):
    """What an experiment came to."""

    model_config = ConfigDict(frozen=True)

    experiment: str
    settings: dict[str, Any]
    summary: list[dict[str, Any]]


@app.command("fig4")
def fig4(
    *,
    out: Out,
    backend: Annotated[BackendName, typer.Option(help="What runs the networks.")] = "torch",
    clock: Annotated[Clock, typer.Option(help="Wall time, or work of the CPU.")] = "wall",
    convnets: Annotated[int, typer.Option(min=1, metavar="N", help="Random ConvNets measured.")] = 100,
    rounds: Annotated[int, typer.Option(min=1, metavar="N", help="Visits of each network.")] = 20,
    image_size: Annotated[int, typer.Option(metavar="N", help="Side in pixels.")] = 224,
    width: Annotated[float, typer.Option(metavar="X", help="Width multiplier.")] = 1.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Of weights and ConvNets.")] = 0,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Latency model against random ConvNets on this machine.

    It is `spnas platform profile --evaluate`, and goes on like it.

    Example: spnas reproduce fig4 --out fig4
    """
    out.mkdir(parents=True, exist_ok=True)
    profile(
        out=out / "platform.json",
        name="fig4",
        backend=backend,
        clock=clock,
        image_size=image_size,
        width=width,
        rounds=min(rounds, 4) if quick else rounds,
        seed=seed,
        evaluate=min(convnets, 10) if quick else convnets,
        html=out / "fig4.html",
        as_json=as_json,
    )


@app.command("fig5")
def fig5(
    *,
    out: Out,
    lambda_: Annotated[float, typer.Option("--lambda", min=0, metavar="NUMBER", help="Of Eq. 10.")] = 0.6,
    runs: Runs = None,
    epochs: Epochs = None,
    max_train_images: Images = None,
    dataset: Dataset = None,
    platform: PlatformOption = "pixel1",
    set_: Set = None,
    threads: Threads = 1,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Cross-entropy and runtime of a search, step by step.

    Example: spnas reproduce fig5 --out fig5 --lambda 0.6
    """
    from service.cli.reproduce import fig5 as experiment  # noqa: PLC0415 - torch

    scale = _scale(
        platform, dataset, set_, max_train_images, epochs=epochs, runs=runs or 1, threads=threads, quick=quick
    )
    header = {"experiment": "fig5", **scale.header, "lambda": lambda_}
    rows = experiment.run(scale, _records(out, header), lambda_)
    figure = experiment.figure(rows, f"lambda {lambda_:g}, {scale.settings.dataset}, {scale.epochs} epochs")
    _finish(out, header, rows, experiment.summary, figure, as_json=as_json)


@app.command("fig8")
def fig8(
    *,
    out: Out,
    target: Annotated[float, typer.Option(min=1, metavar="MS", help="Tuned to.")] = 80.0,
    formulation: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this one; several allowed.")
    ] = None,
    tuning: Annotated[int, typer.Option(min=1, metavar="N", help="Searches to tune lambda with.")] = 6,
    samples: Annotated[int, typer.Option(min=0, metavar="N", help="Drawn from a best softmax.")] = 20,
    runs: Runs = None,
    epochs: Epochs = None,
    max_train_images: Images = None,
    dataset: Dataset = None,
    platform: PlatformOption = "pixel1",
    set_: Set = None,
    threads: Threads = 1,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Formulations tuned to one runtime: how much their networks differ.

    Example: spnas reproduce fig8 --out fig8 --runs 5 --epochs 4
    """
    from service.cli.reproduce import fig8 as module  # noqa: PLC0415 - torch

    names = tuple(name for name in module.FORMULATIONS if not formulation or name in formulation)
    unknown = sorted(set(formulation or ()) - set(module.FORMULATIONS))
    if unknown:
        known = ", ".join(module.FORMULATIONS)
        raise typer.BadParameter(f"{unknown[0]!r} is none of {known}", param_hint="--formulation")
    scale = _scale(
        platform,
        dataset,
        set_,
        max_train_images,
        epochs=epochs,
        runs=runs or 20,
        threads=threads,
        quick=quick,
    )
    experiment = module.Experiment(
        scale,
        target,
        tuning=min(tuning, 2) if quick else tuning,
        samples=min(samples, 2) if quick else samples,
    )
    header = {"experiment": "fig8", **scale.header, "target_ms": target, "tuning": experiment.tuning}
    rows = module.run(experiment, names, _records(out, header))
    note = f"tuned to {target:g} ms on {scale.settings.dataset}, {scale.epochs} epochs"
    _finish(out, header, rows, module.summary, module.figure(rows, note), as_json=as_json)


@app.command("fig9")
def fig9(
    *,
    out: Out,
    target: Annotated[float, typer.Option(min=1, metavar="MS", help="Target runtime of Eq. 19.")] = 80.0,
    solver: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND", help="Several allowed. Default: bayesian, multi_fidelity, random, composite."
        ),
    ] = None,
    budget: Annotated[int, typer.Option(min=1, metavar="N", help="Epochs of a run of a solver.")] = 400,
    grid: Annotated[int, typer.Option(min=2, metavar="N", help="Lambdas of the grid search.")] = 8,
    runs: Runs = None,
    epochs: Epochs = None,
    max_train_images: Images = None,
    dataset: Dataset = None,
    platform: PlatformOption = "pixel1",
    set_: Set = None,
    threads: Threads = 1,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """Best reward of solvers against the epochs spent, and a grid search.

    Example: spnas reproduce fig9 --out fig9 --runs 5 --budget 80
    """
    from service.cli.reproduce import fig9 as module  # noqa: PLC0415 - torch

    kinds = tuple(dict.fromkeys(solver or ("bayesian", "multi_fidelity", "random", "composite")))
    unknown = sorted(set(kinds) - set(module.SOLVER_KINDS))
    if unknown:
        known = ", ".join(module.SOLVER_KINDS)
        raise typer.BadParameter(f"{unknown[0]!r} is none of {known}", param_hint="--solver")
    scale = _scale(
        platform, dataset, set_, max_train_images, epochs=epochs, runs=runs or 5, threads=threads, quick=quick
    )
    budget_epochs, lambdas = (4 * scale.epochs, 3) if quick else (budget, grid)
    if budget_epochs < scale.epochs:
        raise typer.BadParameter(f"must buy one search of {scale.epochs} epochs", param_hint="--budget")
    experiment = module.Experiment(scale, target, budget_epochs, lambdas)
    header = {"experiment": "fig9", **scale.header}
    rows = module.run(experiment, kinds, _records(out, header))
    title = f"{scale.settings.dataset}, {target:g} ms, {scale.runs} runs"
    figure = module.figure(experiment, rows, title)
    _finish(out, header, rows, lambda rows: module.summary(experiment, rows), figure, as_json=as_json)


@app.command("table2")
def table2(
    *,
    out: Out,
    runs: Runs = None,
    epochs: Epochs = None,
    max_train_images: Images = None,
    dataset: Dataset = None,
    set_: Set = None,
    threads: Threads = 1,
    quick: Quick = False,
    as_json: Json = False,
) -> None:
    """One network trained for 3x3 and 5x5 kernels at once, and for each alone.

    Example: spnas reproduce table2 --out table2 --runs 5
    """
    from service.cli.reproduce import table2 as experiment  # noqa: PLC0415 - torch

    scale = _scale(
        "pixel1", dataset, set_, max_train_images, epochs=epochs, runs=runs or 1, threads=threads, quick=quick
    )
    header = {"experiment": "table2", **scale.header}
    rows = experiment.run(scale, _records(out, header))
    figure = experiment.figure(rows, f"{scale.settings.dataset}, {scale.epochs} epochs, {scale.runs} runs")
    _finish(out, header, rows, experiment.summary, figure, as_json=as_json)


def _scale(
    platform: str,
    dataset: str | None,
    set_: list[str] | None,
    max_train_images: int | None,
    *,
    epochs: int | None,
    runs: int,
    threads: int,
    quick: bool,
) -> "Scale":
    from service.cli.reproduce.scale import Scale  # noqa: PLC0415 - with the rest of the experiment

    fields = (_QUICK if quick else {}) | assignments(set_ or (), "--set")
    fields |= {} if dataset is None else {"dataset": dataset}
    fields |= {} if max_train_images is None else {"max_train_images": max_train_images}
    try:
        settings = SearchSettings.model_validate(fields)
    except ValidationError as error:
        raise InvalidFieldsError.of(error, fields) from None
    return Scale(
        settings,
        named_platform(platform),
        epochs=epochs or (_QUICK_EPOCHS if quick else 8),
        runs=min(runs, _QUICK_RUNS) if quick else runs,
        say=say,
        threads=threads,
    )


def _records(out: Path, header: Mapping[str, Any]) -> "Records":
    from service.cli.reproduce.records import Records  # noqa: PLC0415 - with the rest of the experiment

    out.mkdir(parents=True, exist_ok=True)
    return Records(out / f"{header['experiment']}.records.jsonl", header)


def _finish(
    out: Path,
    settings: Mapping[str, Any],
    rows: list["Row"],
    summarise: Callable[[list["Row"]], list["Row"]],
    figure: Any,
    *,
    as_json: bool,
) -> None:
    from nas_worker.atomic import write_text  # noqa: PLC0415 - with the rest of the experiment
    from service.cli.reproduce.records import csv_of  # noqa: PLC0415

    name = str(settings["experiment"])
    summary = summarise(rows)
    result = Reproduction(experiment=name, settings=dict(settings), summary=summary)
    write_text(out / f"{name}.csv", csv_of(rows))
    write_text(out / f"{name}.json", result.model_dump_json(indent=1) + "\n")
    write_html(figure, out / f"{name}.html")
    say(f"wrote {out / name}.csv, .json and .html", "dim")
    if as_json:
        show_json(result)
    else:
        show(_table(summary))


def _table(rows: list["Row"]) -> PlainTable:
    columns = list(rows[0]) if rows else []
    numeric = [name for name in columns if isinstance(rows[0][name], int | float)]
    table = PlainTable(
        *(name.replace("_", " ") for name in columns), numeric=[n.replace("_", " ") for n in numeric]
    )
    for row in rows:
        table.add_row(*(f"{row[name]:.4g}" if name in numeric else str(row[name]) for name in columns))
    return table
