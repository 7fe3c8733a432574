"""Answers as examples for the OpenAPI document: one study, from its creation to its answer.

They are made of the models that the API speaks, so they cannot fall behind them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from service.api.artifact_schemas import ArtifactInfo, ArtifactList
from service.api.frontier_schemas import Frontier, FrontierPoint
from service.api.health import Check, Health, Readiness
from service.api.provenance_schemas import TrialProvenance
from service.api.recommendation_schemas import Interval, Recommendation, RecommendationList
from service.api.schemas import (
    BestTrial,
    Epoch,
    EpochList,
    PlatformInfo,
    PlatformList,
    Study,
    StudyBest,
    StudyPage,
    StudySpec,
    TrialDetail,
    TrialPage,
)
from service.domain.states import StudyState, TrialState

_ID = "32926a54259b9cc5"
_CREATED_AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
_ENDED_AT = _CREATED_AT + timedelta(hours=3)
_ARCHITECTURE = ("3x3-3-0", "3x3-6-0.25", "5x5-6-0.25", "skip") * 5
_COUNTS = dict.fromkeys(TrialState, 0)
_BEST = BestTrial(
    number=4,
    lambda_=2.37,
    epochs=8,
    accuracy=0.681,
    runtime_ms=78.2,
    reward=0.681,
    architecture=_ARCHITECTURE,
)


def _study(state: StudyState, *, spent_epochs: int = 0, best: BestTrial | None = None) -> Study:
    return Study(
        id=_ID,
        state=state,
        spec=StudySpec(name="pixel1 at 80 ms", target_runtime_ms=80),
        warnings=(),
        spent_epochs=spent_epochs,
        reused_epochs=0,
        reserved_epochs=0,
        trial_counts=_COUNTS | {TrialState.COMPLETED: spent_epochs // 8},
        best=best,
        revision=1 + spent_epochs,
        created_at=_CREATED_AT,
        updated_at=_CREATED_AT if best is None else _ENDED_AT,
        error=None,
    )


_NEW = _study(StudyState.PENDING)
_DONE = _study(StudyState.COMPLETED, spent_epochs=400, best=_BEST)
_TRIAL = TrialDetail(
    number=4,
    state=TrialState.COMPLETED,
    lambda_=2.37,
    epochs=8,
    epochs_done=8,
    hinge_target_ms=None,
    seed=1878776328,
    attempt=1,
    accuracy=0.681,
    runtime_ms=78.2,
    reward=0.681,
    reused_from=None,
    started_at=_CREATED_AT,
    finished_at=_ENDED_AT,
    updated_at=_ENDED_AT,
    error=None,
    architecture=_ARCHITECTURE,
    provenance=TrialProvenance(platform_hash="5d0c...", dataset_fingerprint="9a41...", code_version="0.1.0"),
    versions={"nas_worker": "c3ab...", "torch": "2.13.0", "numpy": "2.3.5"},
)

ANSWERS: Mapping[str, BaseModel] = {
    "create_study": _NEW,
    "list_studies": StudyPage(studies=(_DONE,), next_page_token=None),
    "get_study": _DONE,
    "update_study": _NEW,
    "pause_study": _study(StudyState.PAUSED),
    "resume_study": _NEW,
    "cancel_study": _study(StudyState.CANCELLED),
    "retarget_study": _DONE,
    "get_best_trial": StudyBest(**_BEST.model_dump(by_alias=False)),
    "get_recommendation": RecommendationList(
        recommendations=(
            Recommendation(
                target_runtime_ms=80,
                basis="model",
                lambda_=2.37,
                hinge_target_ms=None,
                reward=0.679,
                accuracy=Interval(mean=0.681, low=0.677, high=0.685, probability=0.9),
                runtime_ms=Interval(mean=77.6, low=74.1, high=81.6, probability=0.9),
                probability_within=0.86,
                best_number=4,
                nearest_number=7,
            ),
        )
    ),
    "list_trials": TrialPage(trials=(_TRIAL,), next_page_token=None),
    "get_trial": _TRIAL,
    "list_epochs": EpochList(
        epochs=(Epoch(epoch=1, cross_entropy=1.71, accuracy=0.42, runtime_ms=96.4, seconds=71.5),)
    ),
    "list_artifacts": ArtifactList(
        artifacts=(ArtifactInfo(name="architecture.json", media_type="application/json", size_bytes=506),)
    ),
    "get_frontier": Frontier(points=(FrontierPoint(study_id=_ID, **_TRIAL.model_dump(by_alias=False)),)),
    "list_platforms": PlatformList(
        platforms=(
            PlatformInfo(
                name="pixel1",
                source="measured on the phone",
                min_runtime_ms=50.0,
                max_runtime_ms=110.0,
                shipped=True,
            ),
        )
    ),
    "get_health": Health(),
    "get_readiness": Readiness(
        ready=True,
        checks=(
            Check(name="database", ok=True, detail="postgresql"),
            Check(name="migrations", ok=True, detail="version 0008"),
            Check(name="ray", ok=True, detail="connected"),
            Check(name="lease", ok=True, detail="active: this process holds it"),
        ),
    ),
}
"""An answer by the operation's id. Trials of a list are shown without what only one of them is shown with."""
