"""Pydantic's validation errors in the user's words: which field, what was expected, what came."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError

from service.api.schemas import FieldProblem
from service.domain.spec import VISIBLE_ASCII, WITHOUT_NUL

NOT_KNOWN = "is not a known field"
_MAX_INPUT_LENGTH = 60
_WHOLE_BODY = "body"
_EXAMPLE_TIME = "2026-11-25T12:00:00Z"


def field_problems(error: RequestValidationError) -> list[FieldProblem]:
    """One entry per field that is not acceptable, in the order of the fields."""
    return [_field_problem(item, error.body) for item in error.errors()]


def _field_problem(item: Mapping[str, Any], body: Any) -> FieldProblem:
    source, *path = item["loc"]
    if item["type"] == "json_invalid":
        path = []  # a position
    parts = _path_in(body, path) if source == "body" else [str(part) for part in path]
    context = item.get("ctx", {})
    if item["type"] in _DISCRIMINATED:
        parts.append(context["discriminator"].strip("'"))
    elif "field" in context:
        parts.append(context["field"])
    return FieldProblem(field=".".join(parts) or _WHOLE_BODY, message=_message(item))


def _path_in(body: Any, path: Sequence[Any]) -> list[str]:
    """The parts of a location that the user knows; pydantic adds names of union members and of types."""
    parts: list[str] = []
    value = body
    for part in path:
        if isinstance(value, Mapping) and (part in value or part not in value.values()):
            value = value.get(part)  # not there: a field that is missing, or whose default is not acceptable
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part] if part < len(value) else None
        else:
            continue  # such as a solver's kind, which is a value of the object, or the name of a type
        parts.append(str(part))
    return parts


def _message(item: Mapping[str, Any]) -> str:
    context = item.get("ctx", {})
    kind = item["type"]
    if kind == "value_error":
        return str(context["error"])
    if (describe := _MESSAGES.get(kind)) is not None:
        return describe(context)
    message = _SHOWING_INPUT.get(kind) or _PATTERNS.get(context.get("pattern")) or item["msg"]
    for noise in ("Input should", "String should", "Tuple should", "List should", "Value should"):
        if message.startswith(noise):
            message = "must" + message.removeprefix(noise)
    return message + _shown(item.get("input"))


def _shown(value: Any) -> str:
    """The offending value where it is short enough to help."""
    if isinstance(value, Mapping | list | tuple):
        return ""
    text = json.dumps(value, default=str)
    return f"; got {text}" if len(text) <= _MAX_INPUT_LENGTH else ""


_DISCRIMINATED = ("union_tag_invalid", "union_tag_not_found")
_MESSAGES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "is required",
    "extra_forbidden": lambda _: NOT_KNOWN,
    "json_invalid": lambda context: f"is not JSON: {context['error']}",
    "union_tag_invalid": lambda context: (
        f"must be one of {context['expected_tags'].replace(chr(39), '')}; got {json.dumps(context['tag'])}"
    ),
    "union_tag_not_found": lambda _: "is required",
    "model_attributes_type": lambda _: "must be a JSON object",
    "model_type": lambda _: "must be a JSON object",
    "dict_type": lambda _: "must be a JSON object",
    "tuple_type": lambda _: "must be a JSON array",
    "list_type": lambda _: "must be a JSON array",
    "unfit": lambda context: str(context["reason"]),
    "string_unicode": lambda _: "must be valid Unicode",
    "timezone_aware": lambda _: f"must name its time zone, as in {_EXAMPLE_TIME}",
}
_SHOWING_INPUT: dict[str, str] = {
    "int_parsing": "must be a valid integer",
    "float_parsing": "must be a valid number",
    "datetime_parsing": f"must be a date and time as in {_EXAMPLE_TIME}",
    "datetime_from_date_parsing": f"must be a date and time as in {_EXAMPLE_TIME}",
}
_PATTERNS = {
    WITHOUT_NUL: "must not contain NUL",
    VISIBLE_ASCII: "must be printable ASCII without spaces",
}
