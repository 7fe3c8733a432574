"""Figures of a study as Plotly's JSON."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse

from service import figures
from service.api.dependencies import STUDY, StoreDependency, StudyId
from service.api.problems import documented
from service.domain.spec import Text

router = APIRouter(prefix=f"{STUDY}/figures", tags=["figures"])

_FIGURE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["data", "layout"],
    "properties": {"data": {"type": "array"}, "layout": {"type": "object"}},
}


@router.get(
    "/{name}",
    response_class=JSONResponse,
    responses={200: {"content": {"application/json": {"schema": _FIGURE_SCHEMA}}}, **documented(404, 422)},
)
def get_figure(
    study_id: StudyId,
    name: Annotated[Text, Path(json_schema_extra={"enum": list(figures.NAMES)})],
    store: StoreDependency,
    compare_with: Annotated[
        list[Text], Query(max_length=50, description="Further studies, for the figure `compare`.")
    ] = [],  # noqa: B006 - FastAPI reads the default, nobody changes it
) -> Response:
    """Read a figure as JSON for Plotly, which `plotly.graph_objects.Figure` takes as it is."""
    figure = figures.build(store, study_id, name, others=compare_with)
    return Response(figure.to_json(), media_type="application/json")
