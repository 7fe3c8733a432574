"""Shapes of answers about trials across studies."""

from service.api.schema_base import ResponseModel
from service.api.schemas import TrialDetail


class FrontierPoint(TrialDetail):
    """A trial of any study. ``reward`` is for the first target of its own study."""

    study_id: str


class Frontier(ResponseModel):
    """ConvNets that no other one beats in accuracy without being slower, by rising runtime."""

    points: tuple[FrontierPoint, ...]
