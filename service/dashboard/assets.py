"""Style sheets, scripts and plotly.js under versioned addresses that browsers may keep for ever."""

import gzip
import hashlib
import mimetypes
from functools import cache
from pathlib import Path

import plotly
from fastapi import APIRouter, Request, Response
from plotly.offline import get_plotlyjs_version

from service.dashboard.page_route import PageRoute
from service.domain.errors import NotFoundError

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_STATIC = Path(__file__).parent / "static"
_PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
_FOR_EVER = "public, max-age=31536000, immutable"


@cache
def _files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(_STATIC.iterdir()) if path.is_file()}


@cache
def version() -> str:
    """A hash over all static files, part of their address: a new release is never mixed with an old one."""
    digest = hashlib.sha256()
    for name, content in _files().items():
        digest.update(name.encode() + b"\0" + content)
    return digest.hexdigest()[:12]


def static_url(name: str) -> str:
    """The address of a static file.

    Raises:
        KeyError: There is no such file.
    """
    if name not in _files():
        raise KeyError(name)
    return f"/static/{version()}/{name}"


def plotly_url() -> str:
    """The address of plotly.min.js, as the installed plotly package carries it."""
    return f"/static/plotly-{get_plotlyjs_version()}.min.js"


@cache
def _plotly_gzipped() -> bytes:
    return gzip.compress(_PLOTLY.read_bytes(), compresslevel=6, mtime=0)


@router.get("/static/plotly-{plotly_version}.min.js")
def get_plotly(request: Request, plotly_version: str) -> Response:
    """plotly.js, compressed once for all requests."""
    if plotly_version != get_plotlyjs_version():
        raise NotFoundError(f"this service has plotly.js {get_plotlyjs_version()}")
    headers = {"cache-control": _FOR_EVER, "vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(_plotly_gzipped(), headers=headers, media_type="text/javascript")
    return Response(_PLOTLY.read_bytes(), headers=headers, media_type="text/javascript")


@router.get("/static/{static_version}/{name}")
async def get_static(static_version: str, name: str) -> Response:
    """A static file. Only the current version is served: an old page asks for nothing else any more."""
    content = _files().get(name)
    if content is None or static_version != version():
        raise NotFoundError(f"there is no static file {name}")
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(content, headers={"cache-control": _FOR_EVER}, media_type=media_type)


@router.get("/favicon.ico")
async def get_favicon() -> Response:
    """The icon, for browsers that ask for it unbidden."""
    return Response(
        _files()["icon.svg"], headers={"cache-control": "public, max-age=86400"}, media_type="image/svg+xml"
    )
