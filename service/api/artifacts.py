"""Files that trials leave behind."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from service import artifacts
from service.api.artifact_schemas import ArtifactInfo, ArtifactList
from service.api.dependencies import STUDY, StoreDependency, StudyId, TrialNumber
from service.api.problems import documented
from service.domain.spec import Text

router = APIRouter(prefix=f"{STUDY}/trials/{{number}}/artifacts", tags=["trials"])

_ANY_TEXT = {"schema": {"type": "string"}}
_CONTENT = {
    "application/json": {"schema": {"type": "object"}},
    "text/plain": _ANY_TEXT,
    "image/svg+xml": _ANY_TEXT,
    "text/csv": _ANY_TEXT,
}


@router.get("", responses=documented(404, 422))
def list_artifacts(study_id: StudyId, number: TrialNumber, store: StoreDependency) -> ArtifactList:
    """List the files of a trial: its ConvNet as JSON, block strings and drawing, and its epochs."""
    found = artifacts.artifacts(store, study_id, number)
    return ArtifactList(
        artifacts=tuple(
            ArtifactInfo(name=each.name, media_type=each.media_type, size_bytes=len(each.content))
            for each in found
        )
    )


@router.get(
    "/{name}", response_class=Response, responses={200: {"content": _CONTENT}, **documented(404, 422)}
)
def get_artifact(
    study_id: StudyId,
    number: TrialNumber,
    name: Annotated[Text, Path(json_schema_extra={"enum": list(artifacts.NAMES)}, max_length=64)],
    store: StoreDependency,
) -> Response:
    """Download a file of a trial."""
    found = artifacts.artifact(store, study_id, number, name)
    file_name = f"{study_id}-trial-{number}-{found.name}"
    return Response(
        found.content,
        media_type=found.media_type,
        headers={"content-disposition": f'attachment; filename="{file_name}"'},
    )
