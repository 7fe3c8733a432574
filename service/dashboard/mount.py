"""Adds the dashboard to an application."""

from fastapi import FastAPI

from service.dashboard import assets, error_pages
from service.dashboard.pages import (
    compare,
    help_page,
    history,
    login,
    new_study,
    platforms,
    studies,
    study,
    trial,
)


def mount(app: FastAPI) -> None:
    """Adds pages, static files and error pages to an application.

    The pages read ``app.state.store`` and send what they change to the REST API under ``/v1``.
    """
    error_pages.install(app)
    # "new" and "check" must come before the pages whose path holds an id.
    pages = (new_study, studies, study, history, trial, compare, platforms, help_page, login)
    for module in (assets, *pages):
        app.include_router(module.router)
