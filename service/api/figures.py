"""Figures of a study as Plotly's JSON."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from service import figures
from service.advisor import Advisor
from service.api.dependencies import STUDY, AdvisorDependency, ReadingsDependency, StudyId
from service.api.problems import documented
from service.domain.advice import Outlook
from service.domain.errors import SpnasError
from service.domain.records import StudyRecord
from service.domain.spec import Text

_LOG = logging.getLogger(__name__)

router = APIRouter(prefix=f"{STUDY}/figures", tags=["figures"])

_FIGURE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["data", "layout"],
    "properties": {"data": {"type": "array"}, "layout": {"type": "object"}},
}


@router.get(
    "/{name}",
    response_class=JSONResponse,
    responses={
        200: {"content": {"application/json": {"schema": _FIGURE_SCHEMA}}},
        **documented(404, 422, 503),
    },
)
async def get_figure(
    study_id: StudyId,
    name: Annotated[Text, Path(json_schema_extra={"enum": list(figures.NAMES)})],
    readings: ReadingsDependency,
    advisor: AdvisorDependency,
    compare_with: Annotated[
        list[Text], Query(max_length=50, description="Further studies, for the figure `compare`.")
    ] = [],  # noqa: B006 - FastAPI reads the default, nobody changes it
) -> Response:
    """Read a figure as JSON for Plotly, which `plotly.graph_objects.Figure` takes as it is."""
    outlook = None
    if name == "tradeoff":
        study = await run_in_threadpool(readings.store.studies.get, study_id)
        outlook = await _outlook(advisor, study)
    text = await run_in_threadpool(_json, readings, study_id, name, compare_with, outlook)
    return Response(text, media_type="application/json")


async def _outlook(advisor: Advisor, study: StudyRecord) -> Outlook | None:
    """What the solver expects, or None where it fails: the trials are shown all the same."""
    try:
        # Shielded: a client that gives up must not take the answer from another that waits for it.
        return await asyncio.shield(asyncio.wrap_future(advisor.outlook(study)))
    except SpnasError:
        raise
    except Exception:  # a solver may raise anything
        _LOG.exception("study %s: its solver cannot tell what it expects", study.id)
        return None


def _json(
    readings: figures.Readings, study_id: str, name: str, others: Sequence[str], outlook: Outlook | None
) -> str:
    text = figures.build(readings, study_id, name, others=others, outlook=outlook).to_json()
    assert isinstance(text, str)
    return text
