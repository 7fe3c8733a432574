"""All that happened to a study, page by page."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from service.dashboard.page_route import PageRoute
from service.dashboard.reading import StoreDependency, StudyId
from service.dashboard.rendering import page

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PAGE_SIZE = 100


class HistoryQuery(BaseModel):
    """Which events are shown."""

    model_config = ConfigDict(frozen=True)

    page_token: str | None = Field(None, max_length=1000)


@router.get("/studies/{study_id}/history")
def show_history(
    request: Request, study_id: StudyId, query: Annotated[HistoryQuery, Query()], store: StoreDependency
) -> Response:
    """What happened, newest first."""
    return page(
        request,
        "history.html",
        study=store.studies.get(study_id),
        history=store.events.list(study_id, page_size=PAGE_SIZE, page_token=query.page_token),
        is_first=query.page_token is None,
    )
