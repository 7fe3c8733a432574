"""Shapes of answers about the files of trials."""

from service.api.schema_base import ResponseModel


class ArtifactInfo(ResponseModel):
    """A file that a trial leaves behind."""

    name: str
    media_type: str
    size_bytes: int


class ArtifactList(ResponseModel):
    """The files of a trial; none before its first epoch."""

    artifacts: tuple[ArtifactInfo, ...]
