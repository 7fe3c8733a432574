"""A trial: its curves, its architecture, and why it failed where it did."""

from typing import Annotated

import plotly.graph_objects as go
from fastapi import APIRouter, Path, Request, Response

from service import artifacts, figures, trial_logs
from service.dashboard.architecture import drawing, forming
from service.dashboard.page_route import PageRoute
from service.dashboard.reading import SettingsDependency, StoreDependency, StudyId, platform_if_any
from service.dashboard.rendering import page

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_EVENTS = 100

TrialNumber = Annotated[int, Path(ge=0, lt=2**31)]


@router.get("/studies/{study_id}/trials/{number}")
def show_trial(
    request: Request,
    study_id: StudyId,
    number: TrialNumber,
    store: StoreDependency,
    settings: SettingsDependency,
) -> Response:
    """A trial."""
    study = store.studies.get(study_id)
    trial = store.trials.get(study_id, number)
    reports = [epoch.report for epoch in store.trials.epochs(study_id, number)]
    platform = platform_if_any(store, study.spec.platform)
    return page(
        request,
        "trial.html",
        study=study,
        trial=trial,
        epochs=reports,
        forming=forming([report.architecture for report in reports]),
        has_gates=any(report.gate_margins is not None for report in reports),
        is_best=number in {best.number for _, best in study.bests},
        platform=platform,
        stages=() if trial.architecture is None else drawing(trial.architecture, platform),
        log=trial_logs.tail(settings.effective_checkpoint_dir, trial),
        artifact_names=artifacts.names(trial),
        history=store.events.list(study_id, trial=number, page_size=_EVENTS).items,
        is_last=number + 1 >= sum(study.trial_counts.values()),
    )


@router.get("/studies/{study_id}/trials/{number}/curves.json")
def get_curves(study_id: StudyId, number: TrialNumber, store: StoreDependency) -> Response:
    """The figure of a trial's curves, as Plotly's JSON."""
    return _sent(figures.trial_curves(store, study_id, number))


@router.get("/studies/{study_id}/trials/{number}/gates.json")
def get_gates(study_id: StudyId, number: TrialNumber, store: StoreDependency) -> Response:
    """The figure of a trial's gates, as Plotly's JSON."""
    return _sent(figures.trial_gates(store, study_id, number))


def _sent(figure: go.Figure) -> Response:
    return Response(figure.to_json(), media_type="application/json", headers={"cache-control": "no-cache"})
