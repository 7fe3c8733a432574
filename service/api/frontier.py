"""The accuracy-runtime frontier over all studies."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from service.api.dependencies import StoreDependency
from service.api.frontier_schemas import Frontier, FrontierPoint
from service.api.problems import documented
from service.domain.spec import Text

router = APIRouter(tags=["trials"])


class FrontierFilter(BaseModel):
    """Whose trials are compared."""

    model_config = ConfigDict(extra="forbid")

    platform: Text = Field("pixel1", max_length=100, description="Platform of the studies.")
    dataset: Text = Field("digits", max_length=4096, description="Data set of their searches.")
    epochs: int | None = Field(
        None, ge=1, le=100_000, description="Only trials of so many epochs; none: all."
    )


@router.get("/v1/frontier", responses=documented(422))
def get_frontier(query: Annotated[FrontierFilter, Query()], store: StoreDependency) -> Frontier:
    """Read the best ConvNets of all studies: completed trials that no other beats without being slower.

    By rising runtime and accuracy. For any target runtime, the trial with the highest reward is one of them.
    """
    found = store.trials.frontier(platform=query.platform, dataset=query.dataset, epochs=query.epochs)
    return Frontier(points=tuple(FrontierPoint.of(trial) for trial in found))
