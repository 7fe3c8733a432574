"""Refuses request bodies that are too long or come too slowly. The framework has no such limits itself."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import http_problem


class BodyLimits:
    """ASGI middleware that answers 413 to longer bodies, announced or not, and 408 to slower ones.

    Args:
        app: The application behind it.
        max_bytes: Longest body.
        max_seconds: How long a body may take, from the end of the headers to its last byte.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, max_seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            response = http_problem(request, 413, f"{self._too_long}; {int(announced)} are announced")
            await response(scope, receive, send)
            return
        await self._app(scope, self._limited(receive), send)

    def _limited(self, receive: Receive) -> Receive:
        received = 0
        is_complete = False
        deadline = asyncio.get_running_loop().time() + self._max_seconds

        async def limited_receive() -> Message:
            nonlocal received, is_complete
            if is_complete:  # what follows is the client's leaving, which may take as long as it likes
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                detail = f"the body must arrive within {self._max_seconds:g} s; {received} bytes had come"
                raise HTTPException(408, detail, headers={"connection": "close"}) from None
            received += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if received > self._max_bytes:
                raise HTTPException(413, self._too_long)
            return message

        return limited_receive

    @property
    def _too_long(self) -> str:
        return f"the body must not be longer than {self._max_bytes} bytes"
