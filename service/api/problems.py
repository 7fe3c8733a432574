"""Every error of the API as application/problem+json (RFC 9457), made in this one place."""

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from service.api.field_errors import field_problems
from service.api.schemas import FieldProblem, Problem
from service.domain.errors import DatabaseUnavailableError, InvalidFieldError, SpnasError

TYPE_PREFIX = "urn:spnas:problem:"
MEDIA_TYPE = "application/problem+json"

_LOG = logging.getLogger(__name__)
_MAX_SHOWN_PATH = 200
_HTTP_KINDS = {
    404: ("not-found", "Not Found"),
    405: ("method-not-allowed", "Method Not Allowed"),
    408: ("body-too-slow", "The body took too long"),
    413: ("body-too-large", "The body is too large"),
}


def install(app: FastAPI) -> None:
    """Has all errors of an application answered with problem documents."""
    app.add_exception_handler(SpnasError, _on_spnas_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_bug)


def problem_response(
    request: Request,
    code: str,
    status: int,
    title: str,
    detail: str,
    *,
    errors: Sequence[FieldProblem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document as an answer."""
    problem = Problem(
        type=TYPE_PREFIX + code,
        title=title,
        status=status,
        detail=detail,
        instance=request.url.path,
        errors=None if errors is None else tuple(errors),
        request_id=request.scope.get("request_id"),
    )
    content = problem.model_dump_json(exclude_none=True)
    return Response(content, status, headers=headers, media_type=MEDIA_TYPE)


async def _on_spnas_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SpnasError)
    errors = None
    detail = str(error)
    if isinstance(error, InvalidFieldError):
        errors = [FieldProblem(field=error.field, message=str(error))]
        detail = detail if detail.startswith(error.field) else f"{error.field}: {detail}"
    elif isinstance(error, DatabaseUnavailableError):
        _LOG.error("%s", error)
        detail = "try again in a moment; the service's log says more"  # the message names hosts and paths
    headers = {"retry-after": "1"} if error.status == 503 else None
    return problem_response(
        request, error.code, error.status, error.title, detail, errors=errors, headers=headers
    )


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = field_problems(error)
    detail = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
    if any(item["type"] == "json_invalid" for item in error.errors()):
        return problem_response(
            request, "malformed-json", 400, "The body is not JSON", detail, errors=problems
        )
    return problem_response(
        request,
        InvalidFieldError.code,
        InvalidFieldError.status,
        InvalidFieldError.title,
        detail,
        errors=problems,
    )


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail
    headers = error.headers
    if error.status_code == 404:
        detail = f"there is nothing at {_shortened(request.url.path)}"
    elif error.status_code == 405:
        allowed = ", ".join(_allowed_methods(request))
        detail = f"{request.method} is not possible at {_shortened(request.url.path)}; possible: {allowed}"
        headers = {"allow": allowed}
    return http_problem(request, error.status_code, detail, headers)


def http_problem(
    request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The problem of an error that HTTP itself has a name for."""
    phrase = HTTPStatus(status).phrase
    code, title = _HTTP_KINDS.get(status, (phrase.lower().replace(" ", "-"), phrase))
    return problem_response(request, code, status, title, detail, headers=headers)


def _shortened(path: str) -> str:
    return path if len(path) <= _MAX_SHOWN_PATH else f"{path[:_MAX_SHOWN_PATH]}..."


def _allowed_methods(request: Request) -> list[str]:
    """Methods of all operations at a path; the framework names only those of the first one that it finds."""
    for template, operations in request.app.openapi()["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", "[^/:]+", re.escape(template))
        if re.fullmatch(pattern, request.url.path):
            return sorted(method.upper() for method in operations)
    return ["GET"]  # what is not in the document is a page


async def _on_bug(request: Request, error: Exception) -> Response:
    """The framework raises the error again after this answer, and the server logs it with its traceback."""
    del error
    return problem_response(
        request,
        SpnasError.code,
        SpnasError.status,
        SpnasError.title,
        "an error of the service; its log says more",
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for the problems that an operation can answer with."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }
