"""The list of studies, and the sparkline of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from service.dashboard import pace, sparkline
from service.dashboard.page_route import PageRoute
from service.dashboard.reading import StoreDependency, StudyId, without_empty
from service.dashboard.rendering import page
from service.db.store import Store
from service.domain.records import Page, StudyRecord
from service.domain.states import StudyState
from solver.registry import SOLVERS

router = APIRouter(include_in_schema=False, route_class=PageRoute)

PAGE_SIZE = 50
MOST_SORTED = 1000
"""Sorting and the filter by solver look at so many of the newest studies."""


class ListQuery(BaseModel):
    """What the list's form sends."""

    model_config = ConfigDict(frozen=True)

    state: Annotated[list[StudyState], BeforeValidator(without_empty)] = []
    q: str = Field("", max_length=200, pattern=r"^[^\x00]*$")
    solver: str = Field("", max_length=100)
    sort: str = Field("newest", max_length=20)
    page_token: str | None = Field(None, max_length=1000)


@dataclass(frozen=True, slots=True)
class Row:
    """A study in the list, and the seconds until its budget is spent where that can be told."""

    study: StudyRecord
    seconds_left: float | None


def _reward(study: StudyRecord) -> float:
    return -1.0 if study.best is None or study.best.reward is None else study.best.reward


_SORTS: Mapping[str, tuple[str, Callable[[StudyRecord], Any], bool]] = MappingProxyType(
    {
        "newest": ("newest first", lambda study: study.created_at, True),
        "updated": ("latest change first", lambda study: study.updated_at, True),
        "name": ("name", lambda study: study.spec.name.casefold(), False),
        "target": ("target runtime", lambda study: study.spec.targets_ms, False),
        "reward": ("best reward first", _reward, True),
        "left": ("least budget left first", lambda study: study.left_epochs, False),
    }
)
"""Orders of the list: name in the form, key, and whether the largest comes first."""


@router.get("/")
def show_studies(request: Request, query: Annotated[ListQuery, Query()], store: StoreDependency) -> Response:
    """The list of studies."""
    found, is_cut = _find(store, query)
    now = datetime.now(UTC)
    return page(
        request,
        "studies.html",
        query=query,
        rows=[Row(study, pace.seconds_left(study, now)) for study in found.items],
        next_page_token=found.next_page_token,
        is_cut=is_cut,
        is_filtered=bool(query.state or query.q or query.solver),
        states=list(StudyState),
        sorts={key: label for key, (label, _, _) in _SORTS.items()},
        solvers=[solver.model_fields["kind"].default for solver in SOLVERS],
    )


@router.get("/studies")
def redirect_to_studies(request: Request) -> Response:
    """The list's other address."""
    return Response(status_code=308, headers={"location": str(request.url.replace(path="/"))})


@router.get("/studies/{study_id}/sparkline.svg")
def show_sparkline(study_id: StudyId, store: StoreDependency) -> Response:
    """The best reward so far as a small picture; its address names the revision, so it is kept for ever."""
    study = store.studies.get(study_id)
    svg = sparkline.draw(study, store.trials.summaries(study_id))
    headers = {"cache-control": "private, max-age=31536000, immutable"}
    return Response(svg, headers=headers, media_type="image/svg+xml")


def _find(store: Store, query: ListQuery) -> tuple[Page[StudyRecord], bool]:
    """The studies to show, and whether older ones were left out of sorting or filtering."""
    if query.sort in ("newest", *({""} - _SORTS.keys())) and not query.solver:
        found = store.studies.list(
            states=query.state, query=query.q, page_size=PAGE_SIZE, page_token=query.page_token
        )
        return found, False
    studies: list[StudyRecord] = []
    token = None
    while len(studies) < MOST_SORTED:
        found = store.studies.list(states=query.state, query=query.q, page_size=200, page_token=token)
        studies += found.items
        token = found.next_page_token
        if token is None:
            break
    _, key, largest_first = _SORTS.get(query.sort, _SORTS["newest"])
    chosen = [study for study in studies if query.solver in ("", study.spec.solver.kind)]
    return Page(tuple(sorted(chosen, key=key, reverse=largest_first)), None), token is not None
