"""Options that several commands share, declared once."""

from typing import Annotated

import typer

Server = Annotated[
    str | None,
    typer.Option(
        envvar="SPNAS_SERVER",
        show_envvar=False,
        metavar="URL",
        help="Service to talk to. Default: the one listening here, else an embedded one.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")]
StudyId = Annotated[
    str, typer.Argument(metavar="STUDY", help="Id of a study, as `spnas study list` shows it.")
]
Watch = Annotated[
    bool | None,
    typer.Option("--watch/--no-watch", help="Stay and show progress. Default: with an embedded service."),
]
