"""`spnas study`: everything about studies but their creation."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from service.api.history_schemas import HistoryPage
from service.api.schemas import RecommendationList, Study, StudyPage, TrialPage
from service.cli.commands.study_create import create
from service.cli.connection import connect
from service.cli.console import say, show, show_json
from service.cli.errors import CliError
from service.cli.exit_codes import ExitCode
from service.cli.options import Json, Server, StudyId, Watch
from service.cli.render.architecture import architecture_table
from service.cli.render.history import history_table
from service.cli.render.studies import (
    best_details,
    recommendation_details,
    study_details,
    study_table,
    study_title,
    trial_table,
)
from service.cli.watch import conclude, stays, watch_study
from service.domain.states import StudyState

app = typer.Typer(
    no_args_is_help=True,
    help="Studies: each serves a target runtime, or several.\n\nExample: spnas study list",
)
app.command("create")(create)


@app.command("list")
def list_(
    *,
    state: Annotated[
        list[StudyState] | None,
        typer.Option(metavar="STATE", help="pending, running, paused, completed, ...; several allowed."),
    ] = None,
    query: Annotated[
        str, typer.Option("--query", "-q", metavar="TEXT", help="Only with this text in name or tags.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Show the newest so many.")] = 50,
    server: Server = None,
    as_json: Json = False,
) -> None:
    """List studies, newest first.

    Example: spnas study list --state running --json
    """
    with connect(server) as connection:
        found = connection.client.list_studies(states=state or (), query=query, page_size=min(limit, 100))
        studies = tuple(study for study, _ in zip(found, range(limit), strict=False))
    if as_json:
        show_json(StudyPage(studies=studies, next_page_token=None))
    elif studies:
        show(study_table(studies))
    else:
        say("no studies; make one with: spnas study create --target 80")


@app.command("show")
def show_(study: StudyId, server: Server = None, as_json: Json = False) -> None:
    """Show a study and its trials.

    Example: spnas study show STUDY
    """
    with connect(server) as connection:
        found = connection.client.get_study(study)
        if as_json:
            show_json(found)
            return
        trials = list(connection.client.trials(study))
    show(study_details(found))
    if trials:
        show("", trial_table(trials))


@app.command()
def trials(study: StudyId, server: Server = None, as_json: Json = False) -> None:
    """List the trials of a study.

    Example: spnas study trials STUDY --json
    """
    with connect(server) as connection:
        found = tuple(connection.client.trials(study))
    if as_json:
        show_json(TrialPage(trials=found, next_page_token=None))
    else:
        show(trial_table(found))


@app.command()
def events(
    study: StudyId,
    *,
    trial: Annotated[int | None, typer.Option(min=0, metavar="NUMBER", help="Only of this trial.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Show the newest so many.")] = 50,
    server: Server = None,
    as_json: Json = False,
) -> None:
    """List what happened to a study, newest first: states, retries, adoptions, budgets.

    Example: spnas study events STUDY --trial 3
    """
    with connect(server) as connection:
        found = connection.client.history(study, trial=trial, page_size=min(limit, 1000))
        happened = tuple(event for event, _ in zip(found, range(limit), strict=False))
    if as_json:
        show_json(HistoryPage(events=happened, next_page_token=None))
    elif happened:
        show(history_table(happened))
    else:
        say("nothing is recorded")


@app.command()
def watch(study: StudyId, server: Server = None, as_json: Json = False) -> None:
    """Show a study's progress until it is done; Ctrl-C lets go of it.

    With no service listening it runs on an embedded one, and Ctrl-C pauses it.

    Example: spnas study watch STUDY
    """
    with connect(server, runs_trials=True) as connection:
        conclude(watch_study(connection, study), as_json=as_json)


@app.command()
def pause(study: StudyId, server: Server = None, as_json: Json = False) -> None:
    """Start no more trials; `resume` takes up running ones after their last epoch.

    Example: spnas study pause STUDY
    """
    with connect(server) as connection:
        _report(connection.client.pause(study), as_json=as_json)


@app.command()
def resume(study: StudyId, watch: Watch = None, server: Server = None, as_json: Json = False) -> None:
    """Let a paused study go on.

    Example: spnas study resume STUDY --watch
    """
    with connect(server, runs_trials=watch is not False) as connection:
        resumed = connection.client.resume(study)
        if stays(connection, watch):
            conclude(watch_study(connection, study), as_json=as_json)
        else:
            _report(resumed, as_json=as_json)


@app.command()
def cancel(study: StudyId, server: Server = None, as_json: Json = False) -> None:
    """End a study for good; what it found stays.

    Example: spnas study cancel STUDY
    """
    with connect(server) as connection:
        _report(connection.client.cancel(study), as_json=as_json)


@app.command()
def best(
    study: StudyId,
    *,
    target: Annotated[
        float | None, typer.Option(metavar="MS", help="Score for this target. Default: each of the study's.")
    ] = None,
    server: Server = None,
    as_json: Json = False,
) -> None:
    """Show the best trial at full fidelity, its ConvNet layer by layer.

    Example: spnas study best STUDY --target 60
    """
    with connect(server) as connection:
        found = connection.client.best(study, target_runtime_ms=target)
        if as_json:
            show_json(found)
            return
        spec = connection.client.get_study(study).spec
        platform = connection.client.platform(spec.platform)
    for target_ms, trial in found.per_target(target or spec.first_target_ms):
        if found.best_per_target is not None:
            show(f"for {target_ms:g} ms")
        show(best_details(trial, target_ms), architecture_table(trial.architecture, platform))


@app.command()
def recommend(
    study: StudyId,
    *,
    target: Annotated[
        float | None, typer.Option(metavar="MS", help="For this target. Default: each of the study's.")
    ] = None,
    server: Server = None,
    as_json: Json = False,
) -> None:
    """Show which lambda the solver recommends, and what to expect of a search with it.

    Example: spnas study recommend STUDY
    """
    with connect(server) as connection:
        found = connection.client.recommendations(study, target_runtime_ms=target)
    if as_json:
        show_json(RecommendationList(recommendations=found))
    else:
        show(recommendation_details(found))


@app.command()
def export(
    study: StudyId,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write. Default: stdout.")
    ] = None,
    server: Server = None,
) -> None:
    """Write the trials as CSV.

    Example: spnas study export STUDY -o trials.csv
    """
    with connect(server) as connection:
        chunks = connection.client.trials_csv(study)
        first = next(chunks, b"")  # raises before a file is made
        with nullcontext(sys.stdout.buffer) if output is None else output.open("wb") as file:
            file.writelines([first])
            file.writelines(chunks)
    if output is not None:
        say(f"wrote {output}")


@app.command()
def delete(
    study: StudyId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    server: Server = None,
) -> None:
    """Delete a study that is not running, with its trials.

    Example: spnas study delete STUDY --yes
    """
    with connect(server) as connection:
        found = connection.client.get_study(study)
        if not yes:
            _ask_to_delete(found)
        connection.client.delete(study)
    say(f"deleted {study}")


def _ask_to_delete(study: Study) -> None:
    if not sys.stdin.isatty():
        raise CliError("deleting needs --yes where nobody can be asked", ExitCode.USAGE)
    trials = sum(study.trial_counts.values())
    typer.confirm(f"delete {study_title(study)} with {trials} trials?", abort=True, err=True)


def _report(study: Study, *, as_json: bool) -> None:
    if as_json:
        show_json(study)
    else:
        say(f"study {study.id} is {study.state}")
