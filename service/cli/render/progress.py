"""A study in motion: a live view for terminals, lines for everything else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.text import Text

from service.api.schemas import Epoch, Study, Trial
from service.cli.render.numbers import duration, lambda_text, milliseconds, share
from service.cli.render.studies import study_title
from service.cli.render.table import PlainTable, state_text
from service.domain.states import TrialState


@dataclass(frozen=True, slots=True)
class RunningTrial:
    """A queued or running trial and the last epoch that it recorded."""

    trial: Trial
    latest: Epoch | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A study at one moment.

    Attributes:
        study: The study.
        running: Its queued and running trials, by number.
        ended: Trials that ended since the snapshot before.
        seconds_left: Estimate of the time until the budget is spent, or None while there is nothing to go by.
    """

    study: Study
    running: Sequence[RunningTrial]
    ended: Sequence[Trial]
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class BudgetBar:
    """Budget as a bar: spent, reserved and left, told apart without colour too."""

    spent: int
    reserved: int
    budget: int
    max_width: int = 60

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Needs ten columns at least."""
        return Measurement(10, min(options.max_width, self.max_width))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """One line of blocks, of ASCII characters where the terminal has no others."""
        width = min(options.max_width, self.max_width)
        spent_end = round(width * min(self.spent, self.budget) / self.budget)
        reserved_end = round(width * min(self.spent + self.reserved, self.budget) / self.budget)
        spent_char, reserved_char, left_char = "#=." if options.ascii_only else "█▒░"
        yield Text.assemble(
            (spent_char * spent_end, "green"),
            (reserved_char * (reserved_end - spent_end), "cyan"),
            (left_char * (width - reserved_end), "dim"),
        )


def live_view(snapshot: Snapshot) -> RenderableType:
    """The whole study on a few lines, to be drawn over and over in the same place."""
    study = snapshot.study
    head = Text.assemble((study_title(study), "bold"), "  ", state_text(study.state), "  ", (study.id, "dim"))
    bar = BudgetBar(study.spent_epochs, study.reserved_epochs, study.spec.budget_epochs)
    table = PlainTable(
        "trial", "lambda", "epoch", "accuracy", "ms",
        numeric=("trial", "lambda", "epoch", "accuracy", "ms"),
    )  # fmt: skip
    for running in snapshot.running:
        trial, latest = running.trial, running.latest
        waiting = trial.state is TrialState.QUEUED
        table.add_row(
            str(trial.number),
            lambda_text(trial.lambda_),
            "waits" if waiting else f"{trial.epochs_done}/{trial.epochs}",
            share(latest.accuracy if latest else None),
            milliseconds(latest.runtime_ms if latest else None),
        )
    parts: list[RenderableType] = [head, bar, Text(budget_text(snapshot)), Text(best_text(study))]
    return Group(*parts, table) if snapshot.running else Group(*parts)


def budget_text(snapshot: Snapshot) -> str:
    """The budget in words, with the time that the rest will take."""
    study = snapshot.study
    left = max(0, study.spec.budget_epochs - study.spent_epochs - study.reserved_epochs)
    text = (
        f"{study.spent_epochs} spent, {study.reserved_epochs} reserved, {left} left "
        f"of {study.spec.budget_epochs} epochs"
    )
    if snapshot.seconds_left is not None and not study.state.is_final:
        text += f", about {duration(snapshot.seconds_left)} to go"
    return text


def best_text(study: Study) -> str:
    """The best trial so far, in words; of several targets, that of each."""
    if not study.bests:
        return "best so far: none at full fidelity yet"
    return "; ".join(
        f"best so far{f' for {target:g} ms' if len(study.bests) > 1 else ''}: "
        f"reward {share(best.reward)} in trial {best.number}, "
        f"lambda {lambda_text(best.lambda_)}, accuracy {share(best.accuracy)}, "
        f"{milliseconds(best.runtime_ms)} ms"
        for target, best in study.bests
    )


def trial_line(trial: Trial) -> str:
    """A trial that ended, in words."""
    if trial.state is TrialState.COMPLETED:
        return (
            f"trial {trial.number}: lambda {lambda_text(trial.lambda_)}, {trial.epochs} epochs, "
            f"accuracy {share(trial.accuracy)}, {milliseconds(trial.runtime_ms)} ms, "
            f"reward {share(trial.reward)}"
        )
    reason = trial.error.strip().splitlines()[-1] if trial.error else ""
    return f"trial {trial.number} {trial.state}" + (f": {reason}" if reason else "")


def epoch_line(running: RunningTrial) -> str:
    """A running trial's last epoch, in words."""
    trial, latest = running.trial, running.latest
    place = (
        f"trial {trial.number}: lambda {lambda_text(trial.lambda_)}, epoch {trial.epochs_done}/{trial.epochs}"
    )
    if latest is None:
        return place
    return f"{place}, accuracy {share(latest.accuracy)}, {milliseconds(latest.runtime_ms)} ms"


def lines(snapshot: Snapshot, before: Snapshot | None) -> Iterator[str]:
    """What is new in a snapshot, one line each: for logs and pipes."""
    study = snapshot.study
    known = {item.trial.number: item.trial.epochs_done for item in before.running} if before else {}
    if before is None:
        yield f"{study_title(study)}: study {study.id}, solver {study.spec.solver.kind}"
    for trial in snapshot.ended:
        yield trial_line(trial)
    for running in snapshot.running:
        if running.trial.epochs_done > known.get(running.trial.number, 0):
            yield epoch_line(running)
    if snapshot.ended:
        yield f"{budget_text(snapshot)}; {best_text(study)}"
    if before is not None and before.study.state is not study.state:
        yield f"study {study.id} is {study.state}"
