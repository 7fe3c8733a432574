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


@router.get(f"{STUDY}/recommendation", responses=documented(404, 422, 503))
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

    A solver with a model of accuracy and runtime says what to expect of a search with that lambda, which need
    not have been searched yet. Others recommend the best finished trial, and `basis` says so.
    """
    study = await run_in_threadpool(store.studies.get, study_id)
    targets_ms = study.spec.targets_ms if target_runtime_ms is None else (target_runtime_ms,)
    answers = [asyncio.wrap_future(advisor.ask(study, target)) for target in targets_ms]
    # Shielded: a client that gives up must not take the answer from another that waits for it.
    advice = await asyncio.shield(asyncio.gather(*answers))
    recommendations = tuple(Recommendation.of(each) for each in advice if each is not None)
    if not recommendations:
        raise NoBestTrialError(
            f"no trial has finished yet that the solver {study.spec.solver.kind} can go by"
        )
    return RecommendationList(recommendations=recommendations)
