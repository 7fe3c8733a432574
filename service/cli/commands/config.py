"""`spnas config`."""

import json

import typer

from service.cli.console import show
from service.cli.options import Json
from service.cli.render.table import PlainTable
from service.cli.settings import settings_with_sources

app = typer.Typer(
    no_args_is_help=True,
    help="Configuration: flags, then SPNAS_* variables, then spnas.toml.\n\nExample: spnas config show",
)


@app.command("show")
def show_(as_json: Json = False) -> None:
    """Show every setting that holds, and where it comes from.

    The file is spnas.toml in the working directory, or the one that SPNAS_CONFIG names.

    Example: spnas config show
    """
    settings = settings_with_sources()
    if as_json:
        document = {setting.name: {"value": setting.value, "source": setting.source} for setting in settings}
        typer.echo(json.dumps(document, indent=2))
        return
    table = PlainTable("setting", "value", "from", optional=("from",))
    for setting in settings:
        table.add_row(setting.name, "" if setting.value is None else str(setting.value), setting.source)
    show(table)
