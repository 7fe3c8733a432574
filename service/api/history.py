"""What happened to a study and its trials."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from service.api.dependencies import STUDY, StoreDependency, StudyId
from service.api.history_schemas import HistoryEvent, HistoryPage
from service.api.problems import documented
from service.domain.spec import Text

router = APIRouter(prefix=STUDY, tags=["studies"])

_EXAMPLE: dict[str, Any] = {
    "events": [
        {
            "id": 5,
            "at": "2026-11-25T12:00:09.120000Z",
            "kind": "retry",
            "trial": 0,
            "attempt": 1,
            "state": "queued",
            "detail": "the worker was lost: the actor died (lost 1 of at most 3 times)",
        },
        {
            "id": 2,
            "at": "2026-11-25T12:00:01.480000Z",
            "kind": "state",
            "trial": None,
            "attempt": None,
            "state": "running",
            "detail": None,
        },
    ],
    "next_page_token": None,
}


class HistoryFilter(BaseModel):
    """Which events to list."""

    model_config = ConfigDict(extra="forbid")

    trial: int | None = Field(
        None, ge=0, lt=2**31, description="Only what happened to the trial of this number."
    )
    page_size: int = Field(50, ge=1, le=1000, description="Most events on a page.")
    page_token: Text | None = Field(None, max_length=1000, description="next_page_token of the page before.")


@router.get(
    "/history",
    responses={200: {"content": {"application/json": {"example": _EXAMPLE}}}, **documented(404, 422)},
)
def list_history(
    study_id: StudyId, query: Annotated[HistoryFilter, Query()], store: StoreDependency
) -> HistoryPage:
    """List what happened to a study, newest first.

    It was created, came into another state, lost a worker, was taken over by another dispatcher, got more
    budget, and so on. Of studies that are older than this list, the beginning is missing.
    """
    page = store.events.list(
        study_id, trial=query.trial, page_size=query.page_size, page_token=query.page_token
    )
    return HistoryPage(
        events=tuple(HistoryEvent.of(event) for event in page.items), next_page_token=page.next_page_token
    )
