"""Pause, resume and cancel, which are asked for here and carried out by the dispatcher; and retarget."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from service.api import specs
from service.api.dependencies import STUDY, SettingsDependency, StoreDependency, StudyId
from service.api.etags import etag
from service.api.json_body import JsonRoute
from service.api.problems import documented
from service.api.schemas import Retarget, Study
from service.domain.targets import each_target

router = APIRouter(tags=["studies"], route_class=JsonRoute)


@router.post(f"{STUDY}:pause", status_code=202, responses=documented(404, 409))
def pause_study(study_id: StudyId, store: StoreDependency) -> Study:
    """Pause a study.

    No further trial starts. Running trials are stopped, and go on from their last epoch after a resume.
    """
    return Study.of(store.studies.pause(study_id))


@router.post(f"{STUDY}:resume", status_code=202, responses=documented(404, 409))
def resume_study(study_id: StudyId, store: StoreDependency) -> Study:
    """Let a paused study go on."""
    return Study.of(store.studies.resume(study_id))


@router.post(f"{STUDY}:cancel", status_code=202, responses=documented(404, 409))
def cancel_study(study_id: StudyId, store: StoreDependency) -> Study:
    """End a study for good. Its trials that have finished stay, and so does the best one."""
    return Study.of(store.studies.cancel(study_id))


@router.post(f"{STUDY}:retarget", status_code=201, responses=documented(400, 404, 408, 409, 413, 415, 422))
def retarget_study(
    study_id: StudyId,
    request: Annotated[Retarget, Body(examples=[{"target_runtime_ms": 60}])],
    store: StoreDependency,
    settings: SettingsDependency,
    response: Response,
) -> Study:
    """Create a study for another target, or several, out of this one's finished trials.

    They are scored anew at no cost, and count as spent in the new study. It goes on searching, its solver
    warm, only if `budget_epochs` is given.
    """
    spec = store.studies.get(study_id).spec.model_copy(
        update={"target_runtime_ms": request.target_runtime_ms}
    )
    study = store.studies.retarget(
        study_id,
        *each_target(request.target_runtime_ms),
        budget_epochs=request.budget_epochs,
        warnings=specs.check(spec, store, settings),
    )
    response.headers["location"] = f"/v1/studies/{study.id}"
    response.headers["etag"] = etag(study.revision)
    return Study.of(study)
