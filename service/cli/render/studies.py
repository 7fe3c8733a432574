"""Studies as tables."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from service.api.schemas import BestTrial, Study, Trial
from service.cli.render.numbers import against_target, lambda_text, local_time, milliseconds, share
from service.cli.render.table import PlainTable, fields, state_text


def study_title(study: Study) -> str:
    """Its name, or what it is after."""
    return study.spec.name or f"{study.spec.target_runtime_ms:g} ms on {study.spec.platform}"


def study_table(studies: Iterable[Study]) -> PlainTable:
    """One study a row."""
    table = PlainTable(
        "id", "name", "state", "target ms", "solver", "epochs", "reward", "ms", "created",
        numeric=("id", "state", "target ms", "epochs", "reward", "ms", "created"),
        optional=("created", "solver", "ms", "epochs", "name"),
    )  # fmt: skip
    for study in studies:
        table.add_row(
            study.id,
            study_title(study),
            state_text(study.state),
            f"{study.spec.target_runtime_ms:g}",
            study.spec.solver.kind,
            f"{study.spent_epochs}/{study.spec.budget_epochs}",
            share(study.best.reward if study.best else None),
            milliseconds(study.best.runtime_ms if study.best else None),
            local_time(study.created_at),
        )
    return table


def study_details(study: Study) -> RenderableType:
    """Everything about a study but its trials."""
    spec = study.spec
    counts = [f"{count} {state}" for state, count in study.trial_counts.items() if count]
    rows: dict[str, str | Text] = {
        "study": study.id,
        "name": study_title(study),
        "state": state_text(study.state),
        "target": f"{spec.target_runtime_ms:g} ms on {spec.platform}",
        "solver": _solver_text(study),
        "lambda": f"{spec.lambda_range.low:g} to {spec.lambda_range.high:g}, log scale",
        "epochs": f"{spec.epochs.min} to {spec.epochs.max} a trial",
        "budget": f"{study.spent_epochs} spent + {study.reserved_epochs} reserved "
        f"of {spec.budget_epochs} epochs",
        "trials": ", ".join(counts) or "none yet",
        "search": f"{spec.search.dataset}, width {spec.search.width:g}, batch {spec.search.batch_size}",
        "created": local_time(study.created_at),
        "changed": local_time(study.updated_at),
    }
    if spec.tags:
        rows["tags"] = ", ".join(spec.tags)
    if spec.notes:
        rows["notes"] = spec.notes
    if study.error:
        rows["error"] = Text(study.error, style="red")
    parts: list[RenderableType] = [fields(**rows)]
    parts += [Text(f"warning: {warning}", style="yellow") for warning in study.warnings]
    if study.best is not None:
        parts += [
            Text(),
            Text("best trial so far", style="bold"),
            best_details(study.best, spec.target_runtime_ms),
        ]
    return Group(*parts)


def _solver_text(study: Study) -> str:
    options = study.spec.solver.model_dump(exclude={"kind"}, exclude_unset=True)
    return " ".join([study.spec.solver.kind, *(f"{name}={value}" for name, value in options.items())])


def best_details(best: BestTrial, target_ms: float) -> Table:
    """The outcome of a trial against the target, without its architecture."""
    return fields(
        trial=str(best.number),
        **{"lambda": lambda_text(best.lambda_)},
        reward=share(best.reward),
        accuracy=share(best.accuracy),
        runtime=f"{milliseconds(best.runtime_ms)} ms, {against_target(best.runtime_ms, target_ms)}",
        epochs=str(best.epochs),
    )


def trial_table(trials: Iterable[Trial]) -> PlainTable:
    """One trial a row."""
    headers = ("trial", "state", "lambda", "epochs", "accuracy", "ms", "reward", "error")
    table = PlainTable(*headers, numeric=headers[:-1], optional=("error", "state"))
    for trial in trials:
        table.add_row(
            str(trial.number),
            state_text(trial.state),
            lambda_text(trial.lambda_),
            f"{trial.epochs_done}/{trial.epochs}",
            share(trial.accuracy),
            milliseconds(trial.runtime_ms),
            share(trial.reward),
            _last_line(trial.error),
        )
    return table


def _last_line(text: str | None) -> str:
    # The message of a traceback stands in its last line.
    return text.strip().splitlines()[-1] if text and text.strip() else ""
