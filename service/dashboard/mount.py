"""Adds the dashboard to an application."""

from fastapi import FastAPI

from service.dashboard import assets, error_pages
from service.dashboard.pages import compare, help_page, login, new_study, platforms, studies, study, trial


def mount(app: FastAPI) -> None:
    """Adds pages, static files and error pages to an application.

    The pages read ``app.state.store`` and send what they change to the REST API under ``/v1``.
    """
    error_pages.install(app)
    # "new" and "check" must come before the pages whose path holds an id.
    for module in (assets, new_study, studies, study, trial, compare, platforms, help_page, login):
        app.include_router(module.router)
