"""The form that creates a study, and the check that runs while it is filled in."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from nas_worker.data import dataset_names
from service.dashboard import pace
from service.dashboard.form import sections
from service.dashboard.formatting import duration_text
from service.dashboard.page_route import PageRoute
from service.dashboard.reading import StoreDependency, all_platforms
from service.dashboard.rendering import page
from service.db.store import Store
from service.domain.spec import StudySpec
from solver.registry import SOLVERS

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/studies/new")
def show_form(
    request: Request,
    store: StoreDependency,
    clone: Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9_-]*$")] = "",
) -> Response:
    """The form with the defaults filled in, or the settings of the study to clone."""
    original = store.studies.get(clone).spec if clone else None
    return page(
        request,
        "new_study.html",
        clone=original,
        sections=sections(original),
        platforms=all_platforms(store),
        datasets=dataset_names(),
        solvers=[(solver.model_fields["kind"].default, solver.description) for solver in SOLVERS],
        solver_kind=original.solver.kind if original else StudySpec(target_runtime_ms=80).solver.kind,
        solver_options=json.dumps(original.solver.model_dump(mode="json", exclude={"kind"}), indent=2)
        if original
        else "",
    )


@router.post("/studies/check")
async def check(request: Request, store: StoreDependency, body: Annotated[Any, Body()]) -> Response:
    """What the API would say of a spec, and what it would cost.

    The answer is 200 also where the spec is wrong, since asking is no error: ``errors`` then holds the API's
    own words per field.
    """
    try:
        spec = StudySpec.model_validate_json(json.dumps(body))
    except ValidationError as error:
        return JSONResponse({"errors": await _api_errors(request, error, body)})
    return JSONResponse({"errors": [], "cost": await run_in_threadpool(_cost, spec, store)})


async def _api_errors(request: Request, error: ValidationError, body: object) -> object:
    """The field errors of the API's own problem document for this error."""
    located = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
    handle = request.app.exception_handlers[RequestValidationError]
    response: Response = await handle(request, RequestValidationError(located, body=body))
    return json.loads(bytes(response.body))["errors"]


def _cost(spec: StudySpec, store: Store) -> str:
    trials = spec.budget_epochs // spec.epochs.max
    text = f"{spec.budget_epochs:,} epochs: {trials:,} trials at full fidelity ({spec.epochs.max} epochs)"
    for study in store.studies.list(page_size=50).items:
        seconds = pace.seconds_per_epoch(study)
        if seconds is not None and study.spec.search == spec.search:
            duration = duration_text(seconds * spec.budget_epochs)
            name = study.spec.name or study.id
            return f"{text}, about {duration} at the pace of “{name}”, the latest one like this."
    return f"{text}. No study with these search settings has run here, so there is no estimate of the time."
