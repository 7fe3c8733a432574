"""Options that several commands share, declared once."""

from typing import Annotated

import typer

from service.cli.completion import shipped_datasets, shipped_platforms, study_ids


def _is_address(server: str | None) -> str | None:
    if server and not server.startswith(("http://", "https://")):
        raise typer.BadParameter(f"expected an address such as http://HOST:8080; got {server!r}")
    return server


Server = Annotated[
    str | None,
    typer.Option(
        callback=_is_address,
        metavar="URL",
        help="Service to talk to. Default: the one listening here, else an embedded one.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
StudyId = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help="Id of a study, as `spnas study list` shows it.", autocompletion=study_ids
    ),
]
PlatformName = Annotated[
    str | None,
    typer.Option(
        "--platform", metavar="NAME", help="See `spnas platform list`.", autocompletion=shipped_platforms
    ),
]
DatasetName = Annotated[
    str | None,
    typer.Option("--dataset", metavar="NAME", help="Data set searched on.", autocompletion=shipped_datasets),
]
Watch = Annotated[
    bool | None,
    typer.Option("--watch/--no-watch", help="Stay and show progress. Default: with an embedded service."),
]
OfTrial = Annotated[
    int | None, typer.Option("--trial", min=0, metavar="N", help="Of the study. Default: its best.")
]
RuntimePlatform = Annotated[
    str | None,
    typer.Option("--platform", metavar="NAME|FILE", help="For runtimes. Default: the source's."),
]
