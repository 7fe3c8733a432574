"""Studies as tables."""

from collections.abc import Callable, Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from service.api.schemas import BestTrial, Interval, Recommendation, Study, Trial
from service.cli.render.numbers import against_target, lambda_text, local_time, milliseconds, share
from service.cli.render.table import PlainTable, fields, state_text
from service.domain.targets import targets_text


def study_title(study: Study) -> str:
    """Its name, or what it is after."""
    return study.spec.name or f"{targets_text(study.spec.targets_ms)} ms on {study.spec.platform}"


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
            targets_text(study.spec.targets_ms),
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
        "target": f"{targets_text(spec.targets_ms)} ms on {spec.platform}",
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
    for target, best in study.bests:
        heading = "best trial so far" + (f" for {target:g} ms" if len(study.bests) > 1 else "")
        parts += [Text(), Text(heading, style="bold"), best_details(best, target)]
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


def recommendation_details(recommendations: Iterable[Recommendation]) -> RenderableType:
    """What the solver advises for each target."""
    parts: list[RenderableType] = []
    for each in recommendations:
        parts += [Text()] if parts else []
        parts += [Text(f"for {each.target_runtime_ms:g} ms", style="bold"), fields(**_advice_rows(each))]
    return Group(*parts)


def _advice_rows(advice: Recommendation) -> dict[str, str]:
    rows = {"lambda": lambda_text(advice.lambda_)}
    if advice.hinge_target_ms is not None:
        rows["search"] = f"targeted at {advice.hinge_target_ms:g} ms"
    if advice.accuracy is None or advice.runtime_ms is None or advice.probability_within is None:
        return rows | {
            "reward": share(advice.reward),
            "basis": f"the best trial so far, {advice.best_number}; there is no model",
        }
    target = f"{advice.target_runtime_ms:g} ms"
    return rows | {
        "reward": f"{share(advice.reward)} expected",
        "accuracy": _interval_text(advice.accuracy, share),
        "runtime": f"{_interval_text(advice.runtime_ms, milliseconds)} ms",
        "within": f"P(R <= {target}) = {advice.probability_within:.2f}",
        "best trial": _trial_text(advice.best_number),
        "nearest trial": _trial_text(advice.nearest_number),
    }


def _trial_text(number: int | None) -> str:
    return "none at full fidelity yet" if number is None else str(number)


def _interval_text(interval: Interval, text: Callable[[float], str]) -> str:
    bounds = f"{text(interval.low)} to {text(interval.high)}"
    return f"{text(interval.mean)}, with {interval.probability:.0%} from {bounds}".replace("%", " %")


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
