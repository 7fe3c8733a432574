"""Who gets in: tokens and their scopes, checked before any endpoint is reached, so that none can forget."""

import asyncio
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import problem_response
from service.api.rate_limit import RateLimiter
from service.db.store import Store
from service.domain import access
from service.domain.errors import DatabaseUnavailableError

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PUBLIC = frozenset(
    {
        "/healthz",
        "/readyz",
        "/login",
        "/logout",
        "/favicon.ico",
        "/docs",
        "/docs/style.css",
        "/openapi.json",
    }
)


def required_scope(method: str, path: str) -> access.Scope | None:
    """The scope that a request needs; None: none at all."""
    if path in _PUBLIC or path.startswith("/static/"):
        return None
    if method in _SAFE_METHODS:
        return access.Scope.READ
    return access.Scope.ADMIN if path.startswith("/v1/platforms/") else access.Scope.WRITE


class AccessControl:
    """ASGI middleware that lets in who shows a valid token, as ``Authorization: Bearer`` or in the cookie.

    Args:
        app: The application behind it.
        store: Knows the tokens.
        limiter: How many requests each token may make.
    """

    def __init__(self, app: ASGIApp, store: Store, limiter: RateLimiter) -> None:
        self._app = app
        self._store = store
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a connection."""
        if scope["type"] == "http":
            refusal = await self._refusal(Request(scope))
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _refusal(self, request: Request) -> Response | None:
        """Why the request is not let in, or None."""
        needed = required_scope(request.method, request.url.path)
        if needed is None:
            return None
        shown = _shown_token(request)
        try:
            token = None if shown is None else await asyncio.to_thread(self._store.tokens.authenticate, shown)
        except DatabaseUnavailableError as error:
            return problem_response(
                request,
                error.code,
                error.status,
                error.title,
                "try again in a moment",
                headers={"retry-after": "1"},
            )
        if token is None:
            return _unauthorized(request, shown)
        wait_seconds = self._limiter.take(token.id)
        if wait_seconds > 0:
            return problem_response(
                request,
                "rate-limited",
                429,
                "Too many requests",
                f"the token {token.name!r} may make {self._limiter.per_minute} requests a minute",
                headers={"retry-after": str(wait_seconds)},
            )
        if not token.scope.includes(needed):
            return problem_response(
                request,
                "forbidden",
                403,
                "The token does not allow this",
                f"this needs the scope {needed}; the token {token.name!r} has {token.scope}",
            )
        request.scope["token_id"] = token.id
        return None


def _shown_token(request: Request) -> str | None:
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return request.cookies.get(access.COOKIE)


def _unauthorized(request: Request, shown: str | None) -> Response:
    is_page = not request.url.path.startswith("/v1/") and request.method == "GET"
    if is_page and "text/html" in request.headers.get("accept", ""):
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?{urlencode({'next': here})}", 303)
    detail = (
        "send an access token as Authorization: Bearer ..."
        if shown is None
        else "the access token is unknown, expired or revoked"
    )
    return problem_response(
        request,
        "unauthorized",
        401,
        "An access token is needed",
        detail,
        headers={"www-authenticate": 'Bearer realm="spnas"'},
    )
