"""The application factory: store, dispatcher, API and dashboard in one ASGI application."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from service import dashboard
from service.advisor import Advisor
from service.api import (
    artifacts,
    events,
    figures,
    frontier,
    health,
    history,
    metrics,
    openapi,
    platforms,
    problems,
    recommendations,
    reference,
    solvers,
    studies,
    study_actions,
    trials,
)
from service.api.access import AccessControl
from service.api.body_limits import BodyLimits
from service.api.guard import Guard
from service.api.head_requests import HeadRequests
from service.api.rate_limit import RateLimiter
from service.api.request_context import RequestContext
from service.database import prepared_engine
from service.db.store import Store
from service.dispatch import Dispatcher, DispatchSettings
from service.domain.signing import key_of
from service.figures import Readings
from service.settings import Settings
from service.webhook import WebhookSender, WebhookSettings

_LOG = logging.getLogger(__name__)
_ROUTERS = (
    artifacts.router,
    studies.router,
    study_actions.router,
    recommendations.router,
    trials.router,
    events.router,
    history.router,
    figures.router,
    frontier.router,
    platforms.router,
    solvers.router,
    health.router,
    metrics.router,
    reference.router,
)


def create_app(settings: Settings) -> FastAPI:
    """Makes the application; its dispatcher runs from the start of the server to its end.

    Raises:
        InvalidFieldError: ``database_url`` is not one of a supported database.
        DatabaseOutdatedError: The database must be upgraded first. The embedded one is upgraded here.
        DatabaseTooNewError: A later version of the service has upgraded the database.
        DatabaseUnavailableError: The database does not answer.
    """
    engine = prepared_engine(settings)
    app = FastAPI(
        title="SPNAS tuner",
        version=version("spnas-tuner"),
        description=openapi.DESCRIPTION,
        openapi_tags=openapi.TAGS,
        docs_url=None,  # FastAPI's pages load scripts from a CDN; service.api.reference replaces them
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        lifespan=_lifespan,
    )
    app.state.settings = settings
    app.state.stopping = threading.Event()  # ends streams that would otherwise keep the server from stopping
    app.state.engine = engine
    app.state.store = Store(engine, notifies=bool(settings.webhook_url))
    app.state.webhook = _webhook(settings, app.state.store)
    app.state.advisor = Advisor(app.state.store)
    app.state.readings = Readings(app.state.store)
    app.state.dispatcher = _dispatcher(settings, app.state.store)
    app.state.metrics = metrics.Metrics(app.state.store, engine, app.state.dispatcher, app.state.webhook)
    _add_middleware(app, settings)
    problems.install(app)
    openapi.install(app, needs_token=settings.needs_token)
    for router in _ROUTERS:
        app.include_router(router)
    dashboard.mount(app)
    return app


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """From the inside to the outside."""
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(HeadRequests)
    app.add_middleware(BodyLimits, max_bytes=settings.max_body_bytes, max_seconds=settings.max_body_seconds)
    if settings.needs_token:
        limiter = RateLimiter(settings.requests_per_minute)
        app.add_middleware(AccessControl, store=app.state.store, limiter=limiter)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["authorization", "content-type", "idempotency-key", "if-match", "if-none-match"],
            expose_headers=["etag", "location", "retry-after"],
        )
    app.add_middleware(Guard, hosts=settings.effective_hosts, origins=settings.cors_origins)
    app.add_middleware(RequestContext, metrics=app.state.metrics)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    dispatcher: Dispatcher | None = app.state.dispatcher
    # Ray replaces the signal handlers of the thread that starts it, so that must not be this one.
    if dispatcher is not None:
        await asyncio.to_thread(dispatcher.start)
    webhook: WebhookSender | None = app.state.webhook
    if webhook is not None:
        webhook.start()
    try:
        yield
    finally:
        if dispatcher is not None:
            timeout = app.state.settings.shutdown_seconds
            if not await asyncio.to_thread(dispatcher.stop, timeout):
                _LOG.warning("the dispatcher has not stopped within %d s", timeout)
        if webhook is not None:
            await asyncio.to_thread(webhook.stop, app.state.settings.shutdown_seconds)
        await asyncio.to_thread(app.state.advisor.close)
        app.state.engine.dispose()


def _dispatcher(settings: Settings, store: Store) -> Dispatcher | None:
    if not settings.dispatcher:
        return None
    return Dispatcher(
        store,
        DispatchSettings(
            checkpoint_dir=settings.effective_checkpoint_dir,
            ray_address=settings.ray_address,
            ray_runtime_env=settings.ray_runtime_env,
            embedded_cpus=settings.embedded_cpus,
            embedded_gpus=settings.embedded_gpus,
            dataset_roots=tuple(str(Path(root).resolve()) for root in settings.dataset_roots),
            allow_hub=settings.allow_hub,
        ),
    )


def _webhook(settings: Settings, store: Store) -> WebhookSender | None:
    if not settings.webhook_url:
        return None
    key = key_of(settings.webhook_secret.get_secret_value())
    return WebhookSender(
        store,
        WebhookSettings(url=settings.webhook_url, key=key, allow_private=settings.webhook_allow_private),
    )


def _operation_id(route: APIRoute) -> str:
    return route.name
