"""`spnas demo`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from nas_worker.platform import Platform
from service.api.schemas import Study
from service.cli.connection import Connection, connect
from service.cli.console import say, show, show_json
from service.cli.errors import CliError
from service.cli.options import Json, Server
from service.cli.render.architecture import architecture_table
from service.cli.render.studies import best_details, study_title
from service.cli.settings import effective_settings, without_password
from service.cli.spec import spec_of
from service.cli.watch import watch_study
from service.domain.states import StudyState

BUDGET_EPOCHS = 80
"""Ten searches: about three minutes on two idle cores."""
_FAR_BELOW = 0.8


def demo(
    *,
    target: Annotated[float, typer.Option(metavar="MS", help="Target runtime on the Pixel 1.")] = 80.0,
    budget: Annotated[int, typer.Option(metavar="EPOCHS", help="Epochs to spend.")] = BUDGET_EPOCHS,
    server: Server = None,
    as_json: Json = False,
) -> None:
    """Run a real study end to end: digits, a Pixel 1, 80 ms; three to five minutes on two cores.

    Example: spnas demo
    """
    spec = spec_of(
        {
            "name": f"demo: {target:g} ms on a Pixel 1",
            "target_runtime_ms": target,
            "budget_epochs": budget,
            "max_parallel_trials": 2,
            "tags": ["demo"],
        }
    )
    with connect(server, runs_trials=True) as connection:
        study = connection.client.create_study(spec)
        say(f"study {study.id}; its dashboard: {connection.url}/studies/{study.id}")
        study = watch_study(connection, study.id)
        platform = connection.client.platform(study.spec.platform)
    if as_json:
        show_json(study)
    else:
        _show_outcome(study, platform)
    for line in _ways_back(study, connection):
        say(line, "dim")
    if study.state is not StudyState.COMPLETED:
        raise CliError(f"the demo's study is {study.state}" + (f": {study.error}" if study.error else ""))


def _show_outcome(study: Study, platform: Platform) -> None:
    if study.best is None:
        raise CliError(f"no trial has finished at full fidelity: see spnas study show {study.id}")
    best = study.best
    show(study_title(study), "", best_details(best, study.spec.first_target_ms))
    show("", architecture_table(best.architecture, platform))
    if best.runtime_ms < _FAR_BELOW * study.spec.first_target_ms:
        say("Far below the target: on digits small ConvNets are about as accurate (docs/first-study.md).")


def _ways_back(study: Study, connection: Connection) -> Sequence[str]:
    """Where everything is now."""
    if connection.embedded is None:
        return (f"dashboard: {connection.url}/studies/{study.id}",)
    settings = effective_settings()
    database = without_password(settings.effective_database_url)
    return (
        f"database: {database}",
        f"dashboard: make serve (or spnas serve), then http://127.0.0.1:{settings.port}/studies/{study.id}",
    )
