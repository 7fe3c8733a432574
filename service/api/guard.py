"""Guards browsers' users: other sites can neither act in their name nor read through a name of their own."""

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem_response

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class Guard:
    """ASGI middleware: checks Host and the origin of changes, and sets security headers.

    Args:
        app: The application behind it.
        hosts: Names under which the service may be addressed, without ports; empty: any. Against pages that
            have their own name resolve to this machine.
        origins: Other origins that may act, as in ``https://example.org``.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], origins: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(Request(scope))
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        if self._hosts and _hostname(request.headers.get("host", "")) not in self._hosts:
            return problem_response(
                request,
                "unknown-host",
                400,
                "The service is not known under this name",
                "the Host header names another service; SPNAS_ALLOWED_HOSTS says which names are this one's",
            )
        if request.method not in _SAFE_METHODS and self._is_foreign(request):
            return problem_response(
                request,
                "cross-origin",
                403,
                "Other sites cannot do this",
                "a page of another site asked for a change",
            )
        return None

    def _is_foreign(self, request: Request) -> bool:
        """Whether a page of another site made the request; programs send neither header."""
        origin = request.headers.get("origin")
        if origin in self._origins:
            return False
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            return site not in ("same-origin", "none")
        return origin is not None and origin.partition("://")[2] != request.headers.get("host")


def _hostname(host: str) -> str | None:
    """The name in a Host header, without the port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:  # such as an IPv6 address without its bracket
        return None
