"""What happened to a study, as JSON."""

from datetime import datetime
from typing import Self

from pydantic import Field

from service.api.schema_base import ResponseModel
from service.domain.events import EventKind, EventRecord


class HistoryEvent(ResponseModel):
    """Something that happened to a study or to one of its trials."""

    id: int = Field(description="Later events of a study have higher ids.")
    at: datetime
    kind: EventKind = Field(
        description="created, state (came into another state), retry (after a lost worker), adopted (by "
        "another dispatcher), lease (a dispatcher began or ended its work), budget, retargeted, reused (the "
        "outcome of an identical trial), warning (what keeps the study from going on), webhook."
    )
    trial: int | None = Field(description="Number of the trial, or null: the study itself.")
    attempt: int | None = Field(description="Attempt that the trial was at, or null.")
    state: str | None = Field(description="State of the study or the trial from then on, or null.")
    detail: str | None = Field(description="Reasons and figures, for people, or null.")

    @classmethod
    def of(cls, event: EventRecord) -> Self:
        """The event as the API shows it."""
        return cls.model_validate({name: getattr(event, name) for name in cls.model_fields})


class HistoryPage(ResponseModel):
    """One page of what happened, newest first."""

    events: tuple[HistoryEvent, ...]
    next_page_token: str | None = Field(
        description="Pass it as page_token for the next page; null: this was the last."
    )
