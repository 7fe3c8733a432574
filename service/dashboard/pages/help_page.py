"""Every term of the dashboard, explained."""

from fastapi import APIRouter, Request, Response

from service.dashboard.page_route import PageRoute
from service.dashboard.rendering import page

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/help")
def show_help(request: Request) -> Response:
    """The help page."""
    return page(request, "help.html")
