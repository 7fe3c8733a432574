"""Where the outcome of a trial comes from, as JSON."""

from pydantic import Field

from service.api.schema_base import ResponseModel


class ReusedFrom(ResponseModel):
    """The identical trial whose outcome was taken at no cost. Its study may have been deleted since."""

    study_id: str
    number: int


class TrialProvenance(ResponseModel):
    """What a trial ran with, besides its study's settings, its lambda, epochs and seed."""

    platform_hash: str = Field(description="SHA-256 of the latency table.")
    dataset_fingerprint: str | None = Field(
        description="SHA-256 of the data set; null: it is in files or on the hub; the trial is never reused."
    )
    code_version: str = Field(description="Version of spnas-tuner.")
