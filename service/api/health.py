"""Whether the process lives, and whether it can do its work."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from sqlalchemy import Engine

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
    """Check the database, its version, Ray, the dispatcher's lease and the webhook's sender.

    Replicas that only answer requests have neither Ray nor a lease to check.
    """
    checks = _check_database(request.app.state.engine)
    checks += _check_dispatcher(
        request.app.state.dispatcher, tells_why=not request.app.state.settings.needs_token
    )
    checks += _check_webhook(request.app.state.webhook)
    readiness = Readiness(ready=all(check.ok for check in checks), checks=tuple(checks))
    if not readiness.ready:
        response.status_code = 503
    return readiness


def _check_database(engine: Engine) -> list[Check]:
    try:
        found = migrate.current(engine)
    except SpnasError as error:
        return [Check(name="database", ok=False, detail=error.title)]  # the message names hosts and paths
    needed = migrate.head()
    version = Check(
        name="migrations",
        ok=found == needed,
        detail=f"version {found}" if found == needed else f"version {found}; this service needs {needed}",
    )
    return [Check(name="database", ok=True, detail=engine.dialect.name), version]


def _check_dispatcher(dispatcher: Dispatcher | None, *, tells_why: bool) -> list[Check]:
    """Errors name hosts and paths: where tokens are needed, they are not for everybody to see."""
    if dispatcher is None:
        return []
    status = dispatcher.status
    error = status.error if tells_why and status.error else "an error; the service's log says more"
    has_role = status.role in ("active", "standby")
    return [
        Check(
            name="ray",
            ok=status.engine_connected,
            detail="connected" if status.engine_connected else "not connected yet",
        ),
        Check(
            name="lease",
            ok=has_role and status.error is None,
            detail=_ROLES[status.role] if status.error is None else error,
        ),
    ]


_ROLES = {
    "stopped": "the dispatcher is stopped",
    "starting": "the dispatcher starts",
    "standby": "standby: another process holds it",
    "active": "active: this process holds it",
}


def _check_webhook(webhook: WebhookSender | None) -> list[Check]:
    if webhook is None:
        return []
    detail = "active" if webhook.is_running else "not running"
    return [Check(name="webhook", ok=webhook.is_running, detail=detail)]
