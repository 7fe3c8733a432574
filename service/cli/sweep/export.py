"""A sweep as CSV, HTML and PNG."""

import csv
import io
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import plotly.graph_objects as go
import typer

from service.api.schemas import Trial
from service.cli.errors import CliError
from service.cli.exit_codes import ExitCode
from solver.reward import reward


def check_files(**files: Path | None) -> None:
    """Looks whether the files of options can be written, before anything is searched for them.

    Raises:
        typer.BadParameter: A folder is not there.
        CliError: ``png`` is asked for, and Kaleido is not installed.
    """
    for option, path in files.items():
        if path is not None and not path.parent.is_dir():
            raise typer.BadParameter(f"there is no folder {path.parent}", param_hint=f"--{option}")
    if files.get("png") is not None and find_spec("kaleido") is None:
        raise CliError("--png needs Kaleido: pip install kaleido, or take --html", ExitCode.USAGE)


def csv_text(trials: Iterable[Trial], targets_ms: Sequence[float]) -> str:
    """One line per trial, with a reward for each target where it has completed."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = ["trial", "lambda", "epochs", "seed", "state", "accuracy", "runtime_ms"]
    writer.writerow([*names, *(f"reward_{target_ms:g}ms" for target_ms in targets_ms)])
    for trial in trials:
        writer.writerow(
            [
                trial.number,
                trial.lambda_,
                trial.epochs,
                trial.seed,
                trial.state.value,
                trial.accuracy,
                trial.runtime_ms,
                *(_reward(trial, target_ms) for target_ms in targets_ms),
            ]
        )
    return file.getvalue()


def _reward(trial: Trial, target_ms: float) -> float | None:
    if trial.accuracy is None or trial.runtime_ms is None:
        return None
    return reward(trial.accuracy, trial.runtime_ms, target_ms)


def write_html(figure: go.Figure, path: Path) -> None:
    """A page of its own, that needs no network."""
    path.write_text(figure.to_html(include_plotlyjs=True), encoding="utf-8")


def write_png(figure: go.Figure, path: Path) -> None:
    """A picture.

    Raises:
        CliError: The browser that Kaleido draws with is missing.
    """
    try:
        picture = figure.to_image(format="png", width=900, height=figure.layout.height, scale=2)
    except (ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CliError(f"{path}: PNG needs Chrome or Chromium: {reason}") from error
    path.write_bytes(picture)
