"""A study: its answer, its figures, its trials and what can be done with it."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from service import artifacts
from service.dashboard import pace
from service.dashboard.answers import answers
from service.dashboard.architecture import drawing
from service.dashboard.page_route import PageRoute
from service.dashboard.reading import (
    AdvisorDependency,
    StoreDependency,
    StudyId,
    platform_if_any,
    without_empty,
)
from service.dashboard.rendering import page
from service.dashboard.standing import standing
from service.domain.states import TrialState

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PAGE_SIZE = 40
_EVENTS = 20


class TrialsQuery(BaseModel):
    """Which trials the table shows."""

    model_config = ConfigDict(frozen=True)

    state: Annotated[list[TrialState], BeforeValidator(without_empty)] = []
    order: Literal["number", "reward", "lambda"] = "number"
    page_token: str | None = Field(None, max_length=1000)


@router.get("/studies/{study_id}")
def show_study(
    request: Request,
    study_id: StudyId,
    query: Annotated[TrialsQuery, Query()],
    store: StoreDependency,
    advisor: AdvisorDependency,
) -> Response:
    """A study."""
    study = store.studies.get(study_id)
    platform = platform_if_any(store, study.spec.platform)
    best = study.best
    return page(
        request,
        "study.html",
        study=study,
        standing=standing(study),
        answers=answers(study, advisor),
        platform=platform,
        stages=() if best is None or best.architecture is None else drawing(best.architecture, platform),
        files=() if best is None else artifacts.names(best),
        seconds_left=pace.seconds_left(study, datetime.now(UTC)),
        trials=store.trials.list(
            study_id,
            states=query.state,
            order_by=query.order,
            page_size=PAGE_SIZE,
            page_token=query.page_token,
        ),
        history=store.events.list(study_id, page_size=_EVENTS),
        trial_count=sum(study.trial_counts.values()),
        trial_states=list(TrialState),
        query=query,
    )
