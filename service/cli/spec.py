"""A StudySpec from a file and from flags; flags win."""

import json
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from nas_worker.job import SearchSettings
from service.api.field_errors import NOT_KNOWN
from service.api.schemas import EpochRange, FieldProblem, LambdaRange, Resources, StudySpec
from service.cli.errors import CliError, InvalidFieldsError
from service.cli.exit_codes import ExitCode
from service.cli.parse import assignments, merged, pair, whole_pair
from solver.registry import Bayesian

_READERS: dict[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}


def spec_of(fields: Mapping[str, Any]) -> StudySpec:
    """The spec of JSON-like fields; those left out have their defaults.

    Raises:
        InvalidFieldsError: Fields are not acceptable; all of them are named.
    """
    try:
        return StudySpec.model_validate(fields)
    except ValidationError as error:
        problems = InvalidFieldsError.of(error, fields).problems
        raise InvalidFieldsError([_with_hint(problem) for problem in problems]) from None


_PARTS: dict[str, type[BaseModel]] = {
    "search": SearchSettings,
    "resources": Resources,
    "epochs": EpochRange,
    "lambda_range": LambdaRange,
}
_PATHS = {name: name for name in StudySpec.model_fields} | {
    name: f"{part}.{name}" for part, model in _PARTS.items() for name in model.model_fields
}
"""Fields of a study by the last part of their path."""


def _with_hint(problem: FieldProblem) -> FieldProblem:
    """Names the field that an unknown one may stand for."""
    close = get_close_matches(problem.field.rpartition(".")[2], _PATHS, n=1)
    if problem.message != NOT_KNOWN or not close:
        return problem
    return problem.model_copy(update={"message": f"{NOT_KNOWN}; did you mean {_PATHS[close[0]]}?"})


def fields_of_file(path: Path) -> dict[str, Any]:
    """Reads a study from a ``.toml``, ``.yaml`` or ``.json`` file; ``-`` reads JSON from stdin.

    Raises:
        CliError: It cannot be read, is malformed, or holds no table of fields.
    """
    if str(path) == "-":
        return _parsed(sys.stdin.read(), json.loads, "stdin")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise CliError(f"{path}: expected a file that ends in {', '.join(_READERS)}", ExitCode.USAGE)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CliError(f"{path}: cannot be read: {reason}", ExitCode.USAGE) from error
    return _parsed(text, reader, str(path))


def _parsed(text: str, reader: Callable[[str], Any], name: str) -> dict[str, Any]:
    try:
        fields = reader(text)
    except (ValueError, yaml.YAMLError) as error:  # ValueErrors are those of json and tomllib
        reason = " ".join(str(error).split())
        raise CliError(f"{name}: {reason}", ExitCode.USAGE) from error
    if not isinstance(fields, dict):
        raise CliError(f"{name}: expected the fields of a study, such as target_runtime_ms", ExitCode.USAGE)
    return fields


def fields_of_flags(
    *,
    lambda_range: str | None,
    epochs: str | None,
    dataset: str | None,
    tags: Sequence[str],
    settings: Sequence[str],
    **plain: Any,
) -> dict[str, Any]:
    """The fields that flags set. ``plain`` ones are taken as they are; None stands for a flag not given.

    Raises:
        typer.BadParameter: A value is malformed.
    """
    fields = {name: value for name, value in plain.items() if value is not None}
    if lambda_range is not None:
        low, high = pair(lambda_range, "--lambda-range", "0.1:10")
        fields["lambda_range"] = {"low": low, "high": high}
    if epochs is not None:
        lowest, highest = whole_pair(epochs, "--epochs", "2:8")
        fields["epochs"] = {"min": lowest, "max": highest}
    if dataset is not None:
        fields["search"] = {"dataset": dataset}
    if tags:
        fields["tags"] = list(tags)
    return merged(fields, assignments(settings, "--set"))


def with_solver(fields: Mapping[str, Any], kind: str | None, options: Sequence[str]) -> dict[str, Any]:
    """``fields`` with another solver, or with more options for the one that they name.

    Raises:
        typer.BadParameter: An option is malformed.
    """
    change = assignments(options, "--solver-option")
    if kind is not None:
        return {**fields, "solver": {"kind": kind, **change}}
    if change:
        return merged({"solver": {"kind": Bayesian().kind}, **fields}, {"solver": change})
    return dict(fields)
