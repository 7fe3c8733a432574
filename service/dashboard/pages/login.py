"""Log-in by access token, kept in a cookie that scripts cannot read and other sites cannot send."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from service.dashboard.page_route import PageRoute
from service.dashboard.reading import StoreDependency
from service.dashboard.rendering import page
from service.domain.access import COOKIE

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_COOKIE_SECONDS = 30 * 24 * 3600


@router.get("/login")
def show_login(request: Request, destination: Annotated[str, Query(alias="next")] = "/") -> Response:
    """The form, or the destination where nobody has to log in."""
    if not request.app.state.settings.needs_token:
        return RedirectResponse(_local(destination), 303)
    return page(request, "login.html", destination=_local(destination), problem="")


@router.post("/login")
async def log_in(request: Request, store: StoreDependency) -> Response:
    """Sets the cookie if the token is valid."""
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    token = form.get("token", [""])[0].strip()
    destination = _local(form.get("next", ["/"])[0])
    if await run_in_threadpool(store.tokens.authenticate, token) is None:
        problem = "This token is unknown, expired or revoked."
        return page(request, "login.html", status=401, destination=destination, problem=problem)
    response = RedirectResponse(destination, 303)
    response.set_cookie(
        COOKIE,
        token,
        max_age=_COOKIE_SECONDS,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/logout")
async def log_out() -> Response:
    """Removes the cookie. The token stays valid until it is revoked."""
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


def _local(destination: str) -> str:
    """A path on this service; anything else would let a link lead from the log-in to another site."""
    is_local = destination.startswith("/") and not destination.startswith(("//", "/\\"))
    return destination if is_local and destination.isprintable() else "/"
