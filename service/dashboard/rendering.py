"""Renders templates into responses."""

import hashlib
from functools import cache
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from service.dashboard import formatting
from service.dashboard.glossary import GLOSSARY

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        # plotly.js positions its labels with style attributes and elements of its own
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


@cache
def environment() -> Environment:
    """The templates with their filters. A name that a page forgets to pass is an error."""
    from service.dashboard import assets  # noqa: PLC0415 - assets answers with error pages, which come from here

    jinja = Environment(
        loader=PackageLoader("service.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters.update(formatting.FILTERS)
    jinja.globals.update(
        glossary=GLOSSARY,
        plotly_url=assets.plotly_url,
        static_url=assets.static_url,
        with_query=with_query,
    )
    return jinja


def with_query(request: Request, **changes: str | None) -> str:
    """The query of the request with parameters set, or taken out where None, as a relative address."""
    kept = [(key, value) for key, value in request.query_params.multi_items() if key not in changes]
    return "?" + urlencode([*kept, *((key, value) for key, value in changes.items() if value is not None)])


def page(request: Request, template: str, *, status: int = 200, **context: object) -> Response:
    """A page as a response; 304 where the browser has this very page already.

    Args:
        request: What is answered; templates see it.
        template: File name in ``templates/``.
        status: HTTP status.
        context: What the template shows.
    """
    html = environment().get_template(template).render(request=request, **context).encode()
    tag = f'W/"{hashlib.sha256(html).hexdigest()[:20]}"'
    headers = {
        "cache-control": "no-cache",
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "etag": tag,
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
    }
    if status == 200 and request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(html, status, headers=headers)


def error_page(request: Request, status: int, title: str, detail: str) -> Response:
    """A page that says what went wrong and where to go from there."""
    return page(request, "error.html", status=status, title=title, detail=detail)
