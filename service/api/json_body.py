"""Reads JSON bodies strictly: no NaN, no broken Unicode, no other content type."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json

from service.domain.errors import SpnasError


class UnsupportedMediaTypeError(SpnasError):
    """The body is not said to be JSON."""

    code = "unsupported-media-type"
    status = 415
    title = "The body must be JSON"


class JsonRequest(Request):
    """A request whose body, if it has one, is strict JSON."""

    async def json(self) -> Any:
        """The parsed body.

        Raises:
            json.JSONDecodeError: It is not JSON; FastAPI turns this into a validation error.
        """
        body = await self.body()
        try:
            return from_json(body, allow_inf_nan=False)
        except ValueError as error:
            raise json.JSONDecodeError(str(error), "", 0) from error


class JsonRoute(APIRoute):
    """A route that takes JSON bodies only."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler behind the checks of this module."""
        handle = super().get_route_handler()
        takes_body = self.body_field is not None

        async def handle_json(request: Request) -> Response:
            json_request = JsonRequest(request.scope, request.receive)
            if takes_body:
                _check_content_type(json_request)
            return await handle(json_request)

        return handle_json


def _check_content_type(request: Request) -> None:
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMediaTypeError("send the body as it is, without Content-Encoding")
    content_type = request.headers.get("content-type")
    if content_type is None:
        return  # FastAPI reports the body as missing or not an object
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    ):
        return
    raise UnsupportedMediaTypeError(f"send the body as application/json; got {content_type[:100]}")
