"""Pause, resume and cancel. Each is asked for here and carried out by the dispatcher."""

from fastapi import APIRouter

from service.api.dependencies import STUDY, StoreDependency, StudyId
from service.api.problems import documented
from service.api.schemas import Study

router = APIRouter(tags=["studies"])


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
