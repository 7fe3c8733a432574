"""Whether the process lives, and whether it can do its work."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from service.db import migrate
from service.dispatch import Dispatcher
from service.domain.errors import SpnasError
from service.webhook import WebhookSender

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Check(BaseModel):
    """One thing that the service needs."""

    name: str
    ok: bool
    detail: str


class Readiness(BaseModel):
    """Whether everything is there that the service needs."""

    ready: bool
    checks: tuple[Check, ...]


@router.get("/healthz")
async def get_health() -> Health:
    """Answer while the process lives."""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Something is missing."}})
def get_readiness(request: Request, response: Response) -> Readiness:
    """Check the database, its version, the engine, the dispatcher and the webhook's sender."""
    checks = [_check_database(request), *_check_dispatcher(request.app.state.dispatcher)]
    checks += _check_webhook(request.app.state.webhook)
    readiness = Readiness(ready=all(check.ok for check in checks), checks=tuple(checks))
    if not readiness.ready:
        response.status_code = 503
    return readiness


def _check_database(request: Request) -> Check:
    try:
        migrate.check(request.app.state.engine)
    except SpnasError as error:
        return Check(name="database", ok=False, detail=error.title)  # the message names hosts and paths
    return Check(name="database", ok=True, detail=f"version {migrate.head()}")


def _check_dispatcher(dispatcher: Dispatcher | None) -> list[Check]:
    if dispatcher is None:
        return []
    status = dispatcher.status
    working = status.role in ("active", "standby") and status.error is None
    return [
        Check(
            name="engine",
            ok=status.engine_connected,
            detail="Ray is connected" if status.engine_connected else "Ray is not connected yet",
        ),
        Check(name="dispatcher", ok=working, detail=status.error or status.role),
    ]


def _check_webhook(webhook: WebhookSender | None) -> list[Check]:
    if webhook is None:
        return []
    detail = "active" if webhook.is_running else "not running"
    return [Check(name="webhook", ok=webhook.is_running, detail=detail)]
