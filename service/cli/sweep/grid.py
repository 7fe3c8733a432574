"""The grid of a sweep, its cost, and the study that searches it."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import typer

from service.api.schemas import StudySpec
from service.cli.parse import merged
from service.cli.spec import spec_of

MAX_CELLS = 100_000


@dataclass(frozen=True, slots=True)
class SweepGrid:
    """What is searched.

    Attributes:
        lambdas: Rising, without repetition.
        epochs: Rising, without repetition; the last is full fidelity.
        repeats: Searches per cell, each with a seed of its own.
    """

    lambdas: tuple[float, ...]
    epochs: tuple[int, ...]
    repeats: int

    @property
    def searches(self) -> int:
        """Number of searches."""
        return len(self.lambdas) * len(self.epochs) * self.repeats

    @property
    def cost_epochs(self) -> int:
        """Epochs of all searches."""
        return len(self.lambdas) * sum(self.epochs) * self.repeats


def parse_lambdas(text: str) -> tuple[float, ...]:
    """Reads ``LOW:HIGH:N``, evenly spaced on the log scale, or a list such as ``0.1,1,10``.

    Raises:
        typer.BadParameter: It is neither, or a lambda is not positive.
    """
    lambdas = _spaced(text) if ":" in text else _numbers(text)
    if lambdas is None or not all(math.isfinite(value) and value > 0 for value in lambdas):
        raise typer.BadParameter(
            f"expected LOW:HIGH:N or positive numbers with commas, such as 0.1:10:9 or 0.3,1,3; got {text!r}",
            param_hint="--lambda",
        )
    return tuple(sorted(set(lambdas)))


def _spaced(text: str) -> list[float] | None:
    parts = text.split(":")
    try:
        low, high, count = float(parts[0]), float(parts[1]), int(parts[2])
    except (ValueError, IndexError):
        return None
    if len(parts) != 3 or not 0 < low < high < math.inf or not 2 <= count <= MAX_CELLS:
        return None
    # Four digits: a lambda that can be read and typed is as good as one with seventeen.
    inner = [float(f"{value:.4g}") for value in np.geomspace(low, high, count)[1:-1]]
    return [low, *inner, high]


def _numbers(text: str) -> list[float] | None:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        return None


def parse_epochs(text: str) -> tuple[int, ...]:
    """Reads ``MIN:MAX`` or a list such as ``2,4,8``.

    Raises:
        typer.BadParameter: It is neither, or a number is not positive.
    """
    try:
        numbers = [int(part) for part in text.replace(":", ",").split(",")]
    except ValueError:
        numbers = []
    if ":" in text and len(numbers) == 2:
        numbers = list(range(numbers[0], min(numbers[1], numbers[0] + MAX_CELLS) + 1))
    elif ":" in text:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise typer.BadParameter(
            f"expected MIN:MAX or positive whole numbers with commas, such as 2:8 or 2,4,8; got {text!r}",
            param_hint="--epochs",
        )
    return tuple(sorted(set(numbers)))


def sweep_spec(grid: SweepGrid, fields: Mapping[str, Any]) -> StudySpec:
    """The study that searches a grid; its tag is :func:`identity`.

    Args:
        grid: The grid.
        fields: Further fields of the study. What the grid fixes cannot be among them.

    Raises:
        InvalidFieldsError: Fields are not acceptable.
        typer.BadParameter: The grid has more than ``MAX_CELLS`` searches.
    """
    if grid.searches > MAX_CELLS:
        raise typer.BadParameter(f"the grid has {grid.searches} searches; at most {MAX_CELLS} are possible")
    low, high = grid.lambdas[0], grid.lambdas[-1]
    fixed = {
        "solver": {"kind": "grid", "lambdas": grid.lambdas, "epochs": grid.epochs, "repeats": grid.repeats},
        # A range must have an extent; the grid stays within it in any case.
        "lambda_range": {"low": low, "high": high if low < high else low * 2},
        "epochs": {"min": grid.epochs[0], "max": grid.epochs[-1]},
        "budget_epochs": grid.cost_epochs,
    }
    spec = spec_of(merged(fields, fixed))
    return spec.model_copy(update={"tags": (*spec.tags, identity(spec))})


def identity(spec: StudySpec) -> str:
    """A name for all that decides a sweep's outcomes: who asks for the same again gets the same sweep.

    Targets only score what was found, and how many searches run at a time changes none of them.
    """
    decisive = {"platform", "solver", "lambda_range", "epochs", "seed", "search"}
    text = json.dumps(spec.model_dump(mode="json", include=decisive), sort_keys=True)
    return f"sweep-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
