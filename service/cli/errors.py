"""What an exception looks like to a user: lines for stderr, and the exit code."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from nas_worker.errors import (
    ArchitectureFormatError,
    DatasetError,
    ExportError,
    ProfileError,
    ProfileInputError,
    SearchError,
    UnknownNameError,
)
from service.api.field_errors import field_problems
from service.api.schemas import FieldProblem
from service.cli.exit_codes import ExitCode
from service.client import (
    ApiAccessError,
    ApiNotFoundError,
    ApiValidationError,
    ClientError,
    ServiceUnreachableError,
)
from service.domain.errors import InvalidFieldError, NotFoundError, SpnasError


class CliError(Exception):
    """A command cannot go on. The message says what was wrong and what to do, in one line."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code


class InvalidFieldsError(Exception):
    """Fields of a study or a setting are not acceptable."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in problems))
        self.problems = tuple(problems)

    @classmethod
    def of(cls, error: ValidationError, body: Mapping[str, Any]) -> "InvalidFieldsError":
        """The problems of a body in the words that the service has for them."""
        located = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        return cls(field_problems(RequestValidationError(located, body=body)))


_CODES: tuple[tuple[type[Exception], ExitCode], ...] = (
    (InvalidFieldsError, ExitCode.USAGE),
    (InvalidFieldError, ExitCode.USAGE),
    (UnknownNameError, ExitCode.USAGE),
    (DatasetError, ExitCode.USAGE),
    (ProfileInputError, ExitCode.USAGE),
    (ArchitectureFormatError, ExitCode.USAGE),
    (ApiValidationError, ExitCode.USAGE),
    (ApiNotFoundError, ExitCode.NOT_FOUND),
    (NotFoundError, ExitCode.NOT_FOUND),
    (ServiceUnreachableError, ExitCode.UNREACHABLE),
)


def exit_code(error: Exception) -> ExitCode:
    """The exit code that an exception stands for."""
    if isinstance(error, CliError):
        return error.code
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.FAILED)


def error_lines(error: Exception) -> tuple[str, ...]:
    """One line per thing that is wrong, with what to do about it."""
    match error:
        case InvalidFieldsError():
            return _field_lines(error.problems)
        case ApiValidationError() if error.errors:
            return _field_lines(error.errors)
        case InvalidFieldError():
            line = f"{error.field}: {error}"
        case ApiAccessError():
            line = f"{error} (spnas sends the token in SPNAS_TOKEN; spnas token create makes one)"
        case ServiceUnreachableError():
            line = f"{error}; is `spnas serve` running there?"
        case CliError() | ClientError() | SpnasError() | SearchError() | ProfileError() | UnknownNameError():
            line = str(error)
        case ArchitectureFormatError() | ExportError():
            line = str(error)
        case OSError() if error.filename is not None and error.strerror:
            line = f"{error.filename}: {error.strerror}"
        case _:
            reason = str(error).strip() or "no message"
            line = f"{type(error).__name__}: {reason.splitlines()[0]}; --verbose shows where"
    return (line,)


def _field_lines(problems: Sequence[FieldProblem]) -> tuple[str, ...]:
    return tuple(f"{problem.field}: {problem.message}" for problem in problems)
