"""`spnas serve`."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.console import say
from service.cli.settings import effective_settings


def serve(
    *,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(metavar="N", help="Port to listen on; 0: a free one.")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Embedded database and checkpoints.")
    ] = None,
    database_url: Annotated[
        str | None, typer.Option(metavar="URL", help="SQLAlchemy URL. Default: SQLite in the data directory.")
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Ray cluster. Default: an embedded engine.")
    ] = None,
    dispatcher: Annotated[
        bool | None, typer.Option("--dispatcher/--no-dispatcher", help="Run trials, or serve the API only.")
    ] = None,
    insecure: Annotated[
        bool | None, typer.Option("--insecure", help="Listen beyond this machine without log-in.")
    ] = None,
) -> None:
    """Start API, dashboard and dispatcher; Ctrl-C stops them and loses no epoch.

    Every option is also a variable, such as SPNAS_PORT, and a line of spnas.toml: see `spnas config show`.

    Example: spnas serve --port 8080
    """
    flags = {
        "host": host,
        "port": port,
        "data_dir": data_dir,
        "database_url": database_url,
        "ray_address": ray_address,
        "dispatcher": dispatcher,
        "insecure": insecure,
    }
    settings = effective_settings({name: value for name, value in flags.items() if value is not None})
    from service.server import serve as run  # noqa: PLC0415 - Ray takes a second to import

    run(settings, on_listening=_announce, alone=True)


def _announce(url: str) -> None:
    say(f"dashboard {url}/  API {url}/v1  its reference {url}/docs  (Ctrl-C stops)")
