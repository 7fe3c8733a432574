"""Gives each request an id, a line in the log and a place in the metrics."""

import logging
import re
import time
import uuid

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.metrics import Metrics

_LOG = logging.getLogger(__name__)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NOT_LOGGED = ("/healthz", "/readyz", "/metrics", "/static/")


class RequestContext:
    """ASGI middleware that names each request.

    The id is the caller's ``X-Request-Id`` where it sent a plain one. It goes back with the answer, into
    problem documents and into every line that is logged meanwhile.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        request_id = _request_id(request)
        scope["request_id"] = request_id
        status = 500
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                self._finish(request, status, time.perf_counter() - started)

    def _finish(self, request: Request, status: int, seconds: float) -> None:
        self._metrics.count_request(request, status, seconds)
        if request.url.path.startswith(_NOT_LOGGED) and status < 400:
            return
        values = {
            "method": request.method,
            "path": request.url.path,
            "status": status,
            "milliseconds": round(seconds * 1000, 1),
            "token": request.scope.get("token_id"),
        }
        _LOG.log(logging.ERROR if status >= 500 else logging.INFO, "request", extra=values)


def _request_id(request: Request) -> str:
    sent = request.headers.get("x-request-id", "")
    return sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
