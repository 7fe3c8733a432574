"""The API's reference page, rendered here from the OpenAPI document: no script, nothing from elsewhere."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

router = APIRouter(include_in_schema=False)

_TEMPLATES = Path(__file__).parent / "templates"
_REFERENCE = "#/components/schemas/"
_LIMITS = {
    "exclusiveMinimum": "above {}",
    "minimum": "at least {}",
    "exclusiveMaximum": "below {}",
    "maximum": "at most {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
}


@router.get("/docs", response_class=HTMLResponse)
def get_reference(request: Request) -> HTMLResponse:
    """The reference page."""
    policy = {"content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'"}
    return HTMLResponse(render(request.app.openapi()), headers=policy)


@router.get("/docs/style.css")
async def get_style() -> Response:
    """The reference page's style sheet."""
    return Response((_TEMPLATES / "reference.css").read_text("utf-8"), media_type="text/css")


def render(document: Mapping[str, Any]) -> str:
    """The page of an OpenAPI document."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(prose=_prose, type=_type, limits=_limits, json=_json)
    operations = list(_operations(document))
    template = environment.get_template("reference.html")
    return template.render(
        info=document["info"], tags=document["tags"], operations=operations, document=document
    )


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield {"method": method.upper(), "path": path, **operation}


def _prose(text: str) -> Markup:
    """Paragraphs, `code` and **strong** of a description as HTML."""
    html = str(escape(text.strip()))
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", html)
    html = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", html)
    return Markup("".join(f"<p>{paragraph}</p>" for paragraph in html.split("\n\n")))  # noqa: S704 - escaped above


def _type(schema: Mapping[str, Any]) -> Markup:
    """A schema's type in words, with links to the named ones."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return Markup(" or ").join(_type(option) for option in schema[key])
    if "const" in schema:
        return Markup("<code>{}</code>").format(json.dumps(schema["const"]))
    if "enum" in schema:
        return Markup(", ").join(Markup("<code>{}</code>").format(value) for value in schema["enum"])
    if schema.get("type") == "array" and "items" in schema:
        return Markup("list of {}").format(_type(schema["items"]))
    return Markup("{}").format(schema.get("format") or schema.get("type", "any"))


def _limits(schema: Mapping[str, Any]) -> str:
    """What a schema asks of its values beside their type."""
    options = [schema, *schema.get("anyOf", [])]
    return ", ".join(
        words.format(option[key]) for option in options for key, words in _LIMITS.items() if key in option
    )


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
