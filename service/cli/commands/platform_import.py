"""`spnas platform import`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from nas_worker.atomic import write_text
from nas_worker.errors import ProfileInputError
from nas_worker.profiling.entries import Unit, read_profile
from nas_worker.profiling.imported import imported_platform, warnings_of
from service.cli.console import say, show, show_json
from service.cli.errors import CliError
from service.cli.exit_codes import ExitCode
from service.cli.options import Json
from service.cli.platform_file import named_platform, platform_name
from service.cli.render.profile import platform_summary


def import_(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Profile, .csv or .json.")],
    units: Annotated[Unit, typer.Option(help="What its runtimes are in.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Platform file that is made.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Default: that of --out.")] = None,
    source: Annotated[str | None, typer.Option(metavar="TEXT", help="Where the runtimes come from.")] = None,
    se_factors_from: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Platform to take the SE factors of.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a platform file of a profile from another device, such as a phone.

    Example: spnas platform import phone.csv --units us --out phone.json
    """
    name = platform_name(out, name)
    if out.exists():
        raise CliError(f"{out} is there already; choose another --out or delete it", ExitCode.USAGE)
    se_platform = None if se_factors_from is None else named_platform(se_factors_from)
    try:
        profile = read_profile(file.read_bytes(), _format(file), units)
        platform = imported_platform(
            profile,
            units,
            name=name,
            source=source or f"Imported from {file.name}, given in {units}.",
            se_platform=se_platform,
        )
    except OSError as error:
        raise CliError(f"{file}: {error.strerror}", ExitCode.USAGE) from error
    except ProfileInputError as error:
        raise ProfileInputError(f"{file}: {error}") from error
    for warning in warnings_of(profile):
        say(f"warning: {warning}", "yellow")
    write_text(out, platform.to_json() + "\n")
    say(f"wrote {out}", "dim")
    if as_json:
        show_json(platform)
    else:
        show(platform_summary(platform))


def _format(file: Path) -> Literal["csv", "json"]:
    match file.suffix.lower():
        case ".csv":
            return "csv"
        case ".json":
            return "json"
    raise typer.BadParameter(f"expected a .csv or .json file; got {file.name}", param_hint="FILE")
