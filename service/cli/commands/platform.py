"""`spnas platform`."""

from pathlib import Path
from typing import Annotated

import typer

from service.api.schemas import PlatformList
from service.cli.commands.platform_import import import_
from service.cli.commands.platform_profile import profile
from service.cli.connection import connect
from service.cli.console import say, show, show_json
from service.cli.options import Json, Server
from service.cli.platform_file import read_platform
from service.cli.render.platforms import platform_details, platform_table

app = typer.Typer(
    no_args_is_help=True,
    help="Platforms: latency tables that targets are meant for.\n\nExample: spnas platform list",
)


@app.command("list")
def list_(server: Server = None, as_json: Json = False) -> None:
    """List platforms and the runtimes that a ConvNet can have on them.

    Example: spnas platform list
    """
    with connect(server) as connection:
        platforms = connection.client.platforms()
    if as_json:
        show_json(PlatformList(platforms=platforms))
    else:
        show(platform_table(platforms))


@app.command("show")
def show_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as pixel1.")],
    server: Server = None,
    as_json: Json = False,
) -> None:
    """Show a platform's latency table.

    Example: spnas platform show pixel1
    """
    with connect(server) as connection:
        platform = connection.client.platform(name)
    if as_json:
        show_json(platform)
    else:
        show(platform_details(platform))


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A platform file.")],
    server: Server = None,
    as_json: Json = False,
) -> None:
    """Give a platform file to the service, for studies on it.

    Example: spnas platform add phone.json
    """
    platform = read_platform(file)
    with connect(server) as connection:
        stored = connection.client.put_platform(platform.name, platform)
    if as_json:
        show_json(stored)
    else:
        say(f"studies can be on {stored.name} now: {stored.min_ms:.1f} to {stored.max_ms:.1f} ms")


app.command("profile")(profile)
app.command("import")(import_)
