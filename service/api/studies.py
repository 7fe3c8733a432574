"""Studies: create, list, read, change, delete; and the best trial."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from service.api import specs
from service.api.dependencies import STUDY, SettingsDependency, StoreDependency, StudyId
from service.api.etags import etag, is_known, matches
from service.api.json_body import JsonRoute
from service.api.problems import documented
from service.api.schemas import Study, StudyBest, StudyPage, StudyPatch, StudySpec
from service.domain.errors import PreconditionFailedError
from service.domain.spec import VISIBLE_ASCII, Text
from service.domain.states import StudyState
from service.domain.targets import MAX_MS, MIN_MS

router = APIRouter(tags=["studies"], route_class=JsonRoute)

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        pattern=VISIBLE_ASCII,
        description="Any text of yours. The same key with the same body gives the same study again.",
    ),
]
IfMatch = Annotated[str | None, Header(max_length=1000, description="ETag that the study must still have.")]
IfNoneMatch = Annotated[str | None, Header(max_length=1000, description="ETag that you have already.")]

_EXAMPLES: dict[str, Any] = {
    "smallest": {"summary": "Defaults for all but the target", "value": {"target_runtime_ms": 80}},
    "several": {
        "summary": "One study for two targets",
        "value": {"target_runtime_ms": [60, 80], "solver": {"kind": "composite"}},
    },
    "larger": {
        "summary": "Multi-fidelity, two trials at a time",
        "value": {
            "name": "Pixel 1, 80 ms",
            "target_runtime_ms": 80,
            "solver": {"kind": "multi_fidelity"},
            "lambda_range": {"low": 0.1, "high": 10},
            "epochs": {"min": 2, "max": 8},
            "budget_epochs": 400,
            "max_parallel_trials": 2,
            "tags": ["camera"],
        },
    },
}


class StudyFilter(BaseModel):
    """Which studies to list."""

    model_config = ConfigDict(extra="forbid")

    state: list[StudyState] = Field([], description="Only studies in one of these states.")
    q: Text = Field("", max_length=200, description="Only studies whose name, tags or id contain this.")
    page_size: int = Field(50, ge=1, le=200, description="Most studies on a page.")
    page_token: Text | None = Field(None, max_length=1000, description="next_page_token of the page before.")


@router.post("/v1/studies", status_code=201, responses=documented(400, 408, 413, 415, 422))
def create_study(
    spec: Annotated[StudySpec, Body(openapi_examples=_EXAMPLES)],
    store: StoreDependency,
    settings: SettingsDependency,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Study:
    """Create a study.

    The study starts at once, as soon as there is room on the engine. Send an `Idempotency-Key` to be able to
    repeat the request when the answer got lost.
    """
    spec = specs.completed(spec)
    warnings = specs.check(spec, store, settings)
    study, _ = store.studies.create(spec, warnings=warnings, idempotency_key=idempotency_key)
    response.headers["location"] = f"/v1/studies/{study.id}"
    response.headers["etag"] = etag(study.revision)
    return Study.of(study)


@router.get("/v1/studies", responses=documented(422))
def list_studies(query: Annotated[StudyFilter, Query()], store: StoreDependency) -> StudyPage:
    """List studies, newest first."""
    page = store.studies.list(
        states=query.state, query=query.q, page_size=query.page_size, page_token=query.page_token
    )
    return StudyPage(
        studies=tuple(Study.of(study) for study in page.items), next_page_token=page.next_page_token
    )


@router.get(
    STUDY,
    response_model=Study,
    responses={
        304: {"description": "The study still has the ETag of If-None-Match."},
        **documented(404, 422),
    },
)
def get_study(
    study_id: StudyId, store: StoreDependency, response: Response, if_none_match: IfNoneMatch = None
) -> Study | Response:
    """Read a study.

    Its `ETag` changes whenever the study, one of its trials or an epoch does: poll with `If-None-Match`.
    """
    if if_none_match is not None:
        revision = store.studies.revision(study_id)  # most polls find nothing new: that must cost little
        if is_known(if_none_match, revision):
            return Response(status_code=304, headers={"etag": etag(revision)})
    study = store.studies.get(study_id)
    response.headers["etag"] = etag(study.revision)
    return Study.of(study)


@router.patch(STUDY, responses=documented(400, 404, 408, 409, 412, 413, 415, 422))
def update_study(
    study_id: StudyId,
    patch: Annotated[StudyPatch, Body(examples=[{"budget_epochs": 800}])],
    store: StoreDependency,
    response: Response,
    if_match: IfMatch = None,
) -> Study:
    """Change a study.

    Fields left out stay as they are. With `If-Match` the change is made only if nothing has changed since. A
    larger budget sets a completed study running again.
    """
    if_revision = (
        None if if_match is None else _required_revision(if_match, store.studies.get(study_id).revision)
    )
    changes = patch.model_dump(include=patch.model_fields_set)
    study = store.studies.update(study_id, changes=changes, if_revision=if_revision)
    response.headers["etag"] = etag(study.revision)
    return Study.of(study)


@router.delete(STUDY, status_code=204, responses=documented(404, 409))
def delete_study(study_id: StudyId, store: StoreDependency) -> None:
    """Delete a study with its trials. One that is pending or running must be cancelled first."""
    store.studies.delete(study_id)


@router.get(f"{STUDY}/best", responses=documented(404, 422))
def get_best_trial(
    study_id: StudyId,
    store: StoreDependency,
    target_runtime_ms: Annotated[
        float | None,
        Query(
            ge=MIN_MS, le=MAX_MS, allow_inf_nan=False, description="Another target; none: the study's first."
        ),
    ] = None,
) -> StudyBest:
    """Read the best finished trial at full fidelity, for the study's target or at no cost for another.

    Of a study with several targets it is the one for the first; `best_per_target` has those for all of them.
    """
    if target_runtime_ms is not None:
        return StudyBest.of(store.studies.best(study_id, target_runtime_ms))
    study = store.studies.get(study_id)
    best = study.best or store.studies.best(study_id)  # which says why there is none
    return StudyBest.of(best).model_copy(update={"best_per_target": Study.of(study).best_per_target})


def _required_revision(if_match: str, revision: int) -> int:
    if not matches(if_match, revision):
        raise PreconditionFailedError(f"the study is at ETag {etag(revision)}, not {if_match}")
    return revision
