"""`spnas platform profile`."""

import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nas_worker.platform import Platform, WholeConvNet
from nas_worker.profiling.accuracy import LatencyModelAccuracy
from nas_worker.profiling.measurements import Measurements
from nas_worker.profiling.settings import BackendName, Clock, ProfileSettings
from service.cli.console import say, show, show_json, stderr
from service.cli.errors import CliError
from service.cli.exit_codes import ExitCode
from service.cli.options import Json
from service.cli.platform_file import platform_name
from service.cli.render.profile import accuracy_summary, platform_summary
from service.cli.sweep.export import write_html

QUIET_SPREAD = 0.1
"""Spread of the runs of one network above which a profile deserves a doubt."""


class ProfileResult(BaseModel):
    """A platform that was measured, and how well it tells runtimes of whole ConvNets."""

    model_config = ConfigDict(frozen=True)

    platform: Platform
    run_spread: float = Field(description="Interquartile range over median of a network's runs; the median.")
    accuracy: LatencyModelAccuracy | None


def profile(
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Platform file that is made.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Default: that of the file.")] = None,
    backend: Annotated[BackendName, typer.Option(help="What runs the networks.")] = "torch",
    clock: Annotated[Clock, typer.Option(help="Wall time, or work of the CPU.")] = "wall",
    threads: Annotated[int, typer.Option(metavar="N", help="Threads of the CPU.")] = 1,
    batch: Annotated[int, typer.Option(metavar="N", help="Images at a time.")] = 1,
    image_size: Annotated[int, typer.Option(metavar="N", help="Side in pixels.")] = 224,
    width: Annotated[float, typer.Option(metavar="X", help="Width multiplier.")] = 1.0,
    rounds: Annotated[int, typer.Option(metavar="N", help="Visits of each network.")] = 20,
    warm_up: Annotated[int, typer.Option(metavar="N", help="Untimed runs a visit.")] = 1,
    repeats: Annotated[int, typer.Option(metavar="N", help="Timed runs a visit.")] = 3,
    percentile: Annotated[
        float, typer.Option(min=0, max=100, metavar="P", help="Run that counts; 50: the median.")
    ] = 50.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Of weights and ConvNets.")] = 0,
    evaluate: Annotated[int, typer.Option(metavar="N", help="Test the table on N random ConvNets.")] = 0,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Figure of the test.")] = None,
    as_json: Json = False,
) -> None:
    """Measure every layer type on this machine; write a platform file.

    Goes on where it was broken off, with the same command.

    Example: spnas platform profile --out mine.json --evaluate 100
    """
    if html is not None and not evaluate:
        raise typer.BadParameter("a figure needs --evaluate", param_hint="--html")
    name = platform_name(out, name)
    settings = _settings(
        {
            "backend": (backend, "--backend"),
            "clock": (clock, "--clock"),
            "threads": (threads, "--threads"),
            "batch_size": (batch, "--batch"),
            "image_size": (image_size, "--image-size"),
            "width": (width, "--width"),
            "rounds": (rounds, "--rounds"),
            "warm_up": (warm_up, "--warm-up"),
            "repeats": (repeats, "--repeats"),
            "seed": (seed, "--seed"),
            "evaluation": (evaluate, "--evaluate"),
        }
    )
    result = _result(_measured(settings, out), name, percentile)
    _write(result, out, html)
    if as_json:
        show_json(result)
        return
    show(platform_summary(result.platform))
    if result.accuracy is not None:
        show("", accuracy_summary(result.accuracy))


def _settings(values: dict[str, tuple[object, str]]) -> ProfileSettings:
    try:
        return ProfileSettings.model_validate({field: value for field, (value, _) in values.items()})
    except ValidationError as error:
        first = error.errors()[0]
        hint = values[str(first["loc"][0])][1] if first["loc"] else "--clock"
        message = first["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(message, param_hint=hint) from None


def measurements_path(out: Path) -> Path:
    """Where the raw measurements of a platform file are kept."""
    return out.with_name(f"{out.stem}.measurements.json")


def _measured(settings: ProfileSettings, out: Path) -> Measurements:
    from nas_worker.profiling.backends import backend_of  # noqa: PLC0415 - torch takes seconds to import
    from nas_worker.profiling.measure import measure  # noqa: PLC0415
    from nas_worker.profiling.measurements import open_measurements  # noqa: PLC0415
    from nas_worker.profiling.settings import environment  # noqa: PLC0415

    path = measurements_path(out)
    if out.exists() and not path.exists():
        raise CliError(f"{out} is there already, and was not measured by this command", ExitCode.USAGE)
    backend = backend_of(settings)
    found = open_measurements(path, settings, environment(settings.backend, backend.device))
    if found.is_complete:
        say(f"{path} holds all {settings.rounds} rounds; nothing is measured again")
        return found
    if found.rounds_done:
        say(f"goes on after round {found.rounds_done} of {settings.rounds}, from {path}")
    try:
        with _display(settings.rounds) as (on_prepared, on_round):

            def keep(measurements: Measurements) -> None:
                measurements.save(path)
                on_round(measurements.rounds_done)

            return measure(found, backend, on_prepared=on_prepared, on_round=keep)
    except KeyboardInterrupt:
        say(f"broken off; finished rounds are kept in {path}. Go on with:")
        say(f"  {shlex.join(['spnas', *sys.argv[1:]])}")
        raise


@contextmanager
def _display(rounds: int) -> Iterator[tuple[Callable[[int, int], object], Callable[[int], object]]]:
    """Told of built networks and of rounds: bars on a terminal, a line per tenth elsewhere."""
    console = stderr()
    if not console.is_terminal:
        yield (
            (lambda done, total: say(f"builds {total} networks") if done == 1 else None),
            (
                lambda done: (
                    say(f"round {done} of {rounds}")
                    if done * 10 // rounds > (done - 1) * 10 // rounds
                    else None
                )
            ),
        )
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        building = progress.add_task("networks built", total=None)
        measuring = progress.add_task("rounds measured", total=rounds, start=False)

        def on_prepared(done: int, total: int) -> None:
            progress.update(building, completed=done, total=total)
            if done == total:
                progress.start_task(measuring)

        yield on_prepared, lambda done: progress.update(measuring, completed=done)


def _result(measurements: Measurements, name: str, percentile: float) -> ProfileResult:
    from nas_worker.profiling.evaluate import evaluate  # noqa: PLC0415
    from nas_worker.profiling.fit import fit_platform, run_spread  # noqa: PLC0415

    spread = run_spread(measurements)
    if spread > QUIET_SPREAD:
        say(
            f"warning: runs of one network differ by {100 * spread:.0f} % (interquartile range); was the "
            "machine busy? More rounds, or --clock cpu, make the table surer",
            "yellow",
        )
    platform = fit_platform(measurements, name, percentile)
    accuracy = evaluate(measurements, platform, percentile) if measurements.settings.evaluation else None
    return ProfileResult(platform=platform, run_spread=spread, accuracy=accuracy)


def _write(result: ProfileResult, out: Path, html: Path | None) -> None:
    from nas_worker.atomic import write_text  # noqa: PLC0415

    tested = () if result.accuracy is None else result.accuracy.convnets
    measured = tuple(
        WholeConvNet(architecture=each.architecture, measured_ms=each.measured_ms) for each in tested
    )
    platform = result.platform.model_copy(update={"measured_convnets": measured})
    write_text(out, platform.to_json() + "\n")
    say(f"wrote {out}", "dim")
    if html is not None and result.accuracy is not None:
        from service.figures.latency_model import figure  # noqa: PLC0415 - plotly

        write_html(figure(result.accuracy, result.platform.name), html)
        say(f"wrote {html}", "dim")
