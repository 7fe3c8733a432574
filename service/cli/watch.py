"""Shows a study's progress on stderr until it has come to rest, and its outcome on stdout."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.live import Live

from service.api.schemas import Study
from service.cli.connection import Connection
from service.cli.console import complain, say, show, show_json, stderr
from service.cli.exit_codes import ExitCode
from service.cli.follow import Follower
from service.cli.interrupt import ended_like_ctrl_c
from service.cli.render.progress import Snapshot, lines, live_view, trial_line
from service.cli.render.studies import study_details, study_title
from service.client import ApiConflictError
from service.domain.states import StudyState

Update = Callable[[Snapshot], None]


def stays(connection: Connection, watch: bool | None) -> bool:
    """Whether a command that starts work stays to watch it; unless told, only where the work needs it to."""
    return connection.embedded is not None if watch is None else watch


def watch_study(connection: Connection, study_id: str, *, come_back: str | None = None) -> Study:
    """Shows progress until the study has come to rest, and returns it as it is then.

    Args:
        connection: To the service that has the study.
        study_id: The study.
        come_back: Command that goes on after Ctrl-C; none: ``study watch`` or ``study resume``.

    Raises:
        typer.Exit: Ctrl-C or SIGTERM: the command lets go of the study, and says how to come back.
        ClientError: See :meth:`service.cli.follow.Follower.snapshots`.
    """
    study: Study | None = None
    if connection.embedded is not None:
        _tell_what_runs_too(connection, study_id)
    try:
        with ended_like_ctrl_c(), _display(stderr()) as update:
            for snapshot in Follower(connection.client, study_id).snapshots():
                study = snapshot.study
                update(snapshot)
    except KeyboardInterrupt:
        _let_go(connection, study_id, come_back)
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    assert study is not None
    return study


def conclude(study: Study, *, as_json: bool) -> None:
    """Writes a study that was watched to stdout, and says on stderr what there is to do next.

    Raises:
        typer.Exit: It has not completed.
    """
    if as_json:
        show_json(study)
    else:
        show(study_details(study))
    match study.state:
        case StudyState.COMPLETED:
            if study.best is not None:
                say(f"layer by layer: spnas study best {study.id}", "dim")
            return
        case StudyState.PAUSED:
            complain(f"the study is paused; go on with: spnas study resume {study.id}")
        case state:
            complain(f"the study is {state}" + (f": {study.error}" if study.error else ""))
    raise typer.Exit(ExitCode.FAILED)


def _tell_what_runs_too(connection: Connection, study_id: str) -> None:
    """An embedded service runs every study that is not paused, which slows the one that was asked for."""
    active = (StudyState.PENDING, StudyState.RUNNING)
    others = [study for study in connection.client.list_studies(states=active) if study.id != study_id]
    for other in others:
        say(f"{study_title(other)} runs too; to stop it: spnas study pause {other.id}", "yellow")


@contextmanager
def _display(console: Console) -> Iterator[Update]:
    """A view that is redrawn in place on a terminal, lines elsewhere."""
    if not console.is_terminal:
        yield _Lines().update
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def redraw(snapshot: Snapshot) -> None:
            for trial in snapshot.ended:
                live.console.print(trial_line(trial))
            live.update(live_view(snapshot), refresh=True)

        yield redraw


class _Lines:
    def __init__(self) -> None:
        self._before: Snapshot | None = None

    def update(self, snapshot: Snapshot) -> None:
        for line in lines(snapshot, self._before):
            say(line)
        self._before = snapshot


def _let_go(connection: Connection, study_id: str, come_back: str | None) -> None:
    if connection.embedded is None:
        say(f"detached; the study goes on at {connection.url}. Come back with:")
        say(f"  {come_back or f'spnas study watch {study_id} --server {connection.url}'}")
        return
    # The service ends with this command, so a study left running would stand still without saying so.
    try:
        study = connection.client.pause(study_id)
    except ApiConflictError as error:
        say(f"detached: {error}")
        return
    say(f"paused at {study.spent_epochs} of {study.spec.budget_epochs} epochs, all of them kept. Go on with:")
    say(f"  {come_back or f'spnas study resume {study_id}'}")
