"""The root of the command line: every command is registered here."""

from importlib.metadata import version
from typing import Annotated

import typer

from service.cli.commands import config, platform, reproduce, study, token
from service.cli.commands.compare import compare
from service.cli.commands.demo import demo
from service.cli.commands.export import export
from service.cli.commands.search import search
from service.cli.commands.serve import serve
from service.cli.commands.sweep import sweep
from service.cli.commands.train import train
from service.cli.group import VERBOSE, SpnasGroup

app = typer.Typer(
    cls=SpnasGroup,
    name="spnas",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="Find the lambda, and so the ConvNet, of a Single-Path NAS search that meets a target runtime.\n\n"
    "Example: spnas study create --target 80",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"spnas {version('spnas-tuner')}")
        raise typer.Exit


@app.callback()
def root(
    verbose: Annotated[
        bool, typer.Option(VERBOSE, help="Show where an error comes from; may stand anywhere.")
    ] = False,
    version_: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """Options of every command. The group takes --verbose off the line, so it is declared for --help only."""


app.command("serve")(serve)
app.command("demo")(demo)
app.add_typer(study.app, name="study")
app.command("sweep")(sweep)
app.command("compare")(compare)
app.command("search")(search)
app.command("train")(train)
app.command("export")(export)
app.add_typer(platform.app, name="platform")
app.add_typer(reproduce.app, name="reproduce")
app.add_typer(token.app, name="token")
app.add_typer(config.app, name="config")


def main() -> None:
    """The console script ``spnas``."""
    app(prog_name="spnas")
