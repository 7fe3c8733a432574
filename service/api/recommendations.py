"""What a study's solver recommends."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.concurrency import run_in_threadpool

from service.api.dependencies import STUDY, AdvisorDependency, StoreDependency, StudyId
from service.api.problems import documented
from service.api.schemas import Recommendation, RecommendationList
from service.domain.errors import NoBestTrialError
from service.domain.targets import MAX_MS, MIN_MS

router = APIRouter(tags=["studies"])


@router.get(f"{STUDY}/recommendation", responses=documented(404, 422))
async def get_recommendation(
    study_id: StudyId,
    store: StoreDependency,
    advisor: AdvisorDependency,
    target_runtime_ms: Annotated[
        float | None,
        Query(ge=MIN_MS, le=MAX_MS, allow_inf_nan=False, description="Another target; none: the study's."),
    ] = None,
) -> RecommendationList:
    """Read which lambda the solver recommends, for each of the study's targets or for another.

    A solver with a model of accuracy and runtime says what to expect of a search with that lambda. Others
    recommend the lambda of the best finished trial.
    """
    study = await run_in_threadpool(store.studies.get, study_id)
    targets_ms = study.spec.targets_ms if target_runtime_ms is None else (target_runtime_ms,)
    # Shielded: another request may wait for the same answer.
    advice = await asyncio.shield(asyncio.wrap_future(advisor.ask(study, targets_ms)))
    if not advice:
        raise NoBestTrialError(
            f"no trial that the solver {study.spec.solver.kind} can go by has completed yet"
        )
    return RecommendationList(recommendations=tuple(Recommendation.of(each) for each in advice))
