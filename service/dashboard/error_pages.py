"""Pages for what no route answers: unknown addresses and failures of the service."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from service.dashboard.rendering import error_page

_NOT_PAGES = ("/v1/", "/static/", "/healthz", "/readyz", "/metrics", "/openapi.json")


def install(app: FastAPI) -> None:
    """Has unknown addresses and failures answered with a page where a browser asked for one.

    All else goes to the handlers that the application has for these errors at that time.
    """
    app.add_exception_handler(404, _on_not_found)
    app.add_exception_handler(500, _on_failure)


def _wants_page(request: Request) -> bool:
    if request.method not in ("GET", "HEAD") or request.url.path.startswith(_NOT_PAGES):
        return False
    return "text/html" in request.headers.get("accept", "")


async def _on_not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if _wants_page(request):
        return error_page(
            request, 404, "There is no such page", f"Nothing is at {request.url.path}. Was it deleted?"
        )
    handle = request.app.exception_handlers.get(HTTPException, http_exception_handler)
    return await _called(handle, request, error)


async def _on_failure(request: Request, error: Exception) -> Response:
    if _wants_page(request):
        return error_page(
            request, 500, "The service failed", "This is an error of the service; its log says more."
        )
    handle = request.app.exception_handlers.get(Exception)
    if handle is None:
        return PlainTextResponse(HTTPStatus.INTERNAL_SERVER_ERROR.phrase, 500)
    return await _called(handle, request, error)


async def _called(
    handle: Callable[[Request, Exception], Awaitable[Response]], request: Request, error: Exception
) -> Response:
    return await handle(request, error)
