"""Trials of a study and their epochs."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from service.api.dependencies import STUDY, StoreDependency, StudyId, TrialNumber
from service.api.problems import documented
from service.api.schemas import Epoch, EpochList, Trial, TrialDetail, TrialOrder, TrialPage
from service.api.trials_csv import csv_chunks
from service.domain.spec import Text
from service.domain.states import TrialState

router = APIRouter(prefix=STUDY, tags=["trials"])


def _no_number(value: object) -> object:
    """Pydantic would take a number for seconds since 1970."""
    if isinstance(value, str) and value.strip().lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("must be a date and time as in 2026-11-25T12:00:00Z")
    return value


class TrialFilter(BaseModel):
    """Which trials to list."""

    model_config = ConfigDict(extra="forbid")

    state: list[TrialState] = Field([], description="Only trials in one of these states.")
    updated_since: Annotated[AwareDatetime, BeforeValidator(_no_number)] | None = Field(
        None, description="Only trials that changed at this time or later; give the time zone."
    )
    order_by: TrialOrder = Field("number", description="reward: best first, those without an outcome last.")
    page_size: int = Field(200, ge=1, le=1000, description="Most trials on a page.")
    page_token: Text | None = Field(None, max_length=1000, description="next_page_token of the page before.")


@router.get("/trials", responses=documented(404, 422))
def list_trials(
    study_id: StudyId, query: Annotated[TrialFilter, Query()], store: StoreDependency
) -> TrialPage:
    """List a study's trials, without their architectures.

    To follow a study, ask for what is `updated_since` the newest `updated_at` that you have.
    """
    page = store.trials.list(
        study_id,
        states=query.state,
        updated_since=query.updated_since,
        order_by=query.order_by,
        page_size=query.page_size,
        page_token=query.page_token,
    )
    return TrialPage(
        trials=tuple(Trial.of(trial) for trial in page.items), next_page_token=page.next_page_token
    )


@router.get(
    "/trials.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **documented(404)},
)
def export_trials(study_id: StudyId, store: StoreDependency) -> StreamingResponse:
    """Export all trials of a study as CSV, by number."""
    study = store.studies.get(study_id)  # a missing study is an answer, not a broken stream
    return StreamingResponse(
        csv_chunks(store, study),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{study.id}.csv"'},
    )


@router.get("/trials/{number}", responses=documented(404, 422))
def get_trial(study_id: StudyId, number: TrialNumber, store: StoreDependency) -> TrialDetail:
    """Read a trial with the architecture that it found."""
    return TrialDetail.of(store.trials.get(study_id, number))


@router.get("/trials/{number}/epochs", responses=documented(404, 422))
def list_epochs(study_id: StudyId, number: TrialNumber, store: StoreDependency) -> EpochList:
    """List the recorded epochs of a trial, in order."""
    return EpochList(epochs=tuple(Epoch.of(epoch) for epoch in store.trials.epochs(study_id, number)))
