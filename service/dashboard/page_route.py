"""The route class of all pages: what goes wrong becomes a page, not a problem document."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from service.dashboard.rendering import error_page
from service.domain.errors import SpnasError


class PageRoute(APIRoute):
    """Answers domain errors and bad query parameters with an error page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See :meth:`fastapi.routing.APIRoute.get_route_handler`."""
        handle = super().get_route_handler()

        async def handle_or_explain(request: Request) -> Response:
            try:
                return await handle(request)
            except SpnasError as error:
                return error_page(request, error.status, error.title, _detail(error))
            except RequestValidationError as error:
                fields = ", ".join(".".join(str(part) for part in item["loc"][1:]) for item in error.errors())
                return error_page(request, 422, "The address is not valid", f"Not acceptable: {fields}.")

        return handle_or_explain


def _detail(error: SpnasError) -> str:
    """The message; those of the service's own failures name hosts and paths and stay in the log."""
    return str(error) if error.status < 500 else "The service cannot answer now; its log says more."
