"""Platforms: their list, and the latency table of each as a heat map."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from nas_worker.platform import COLUMNS, Platform
from nas_worker.profiling.accuracy import accuracy_of_table
from nas_worker.space import SEARCHABLE
from service.dashboard.page_route import PageRoute
from service.dashboard.reading import StoreDependency, all_platforms, platform_of
from service.dashboard.rendering import page
from service.domain.errors import NotFoundError
from service.figures import latency_model

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_SHADES = 9


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of the table and its shade, 0 (lowest) to 8 (highest)."""

    value: float
    shade: int


@dataclass(frozen=True, slots=True)
class LayerRow:
    """A layer: runtimes without SE in ms and SE factors, in the order of the columns."""

    layer: int
    runtimes_ms: tuple[Cell, ...]
    se_factors: tuple[Cell, ...]


@router.get("/platforms")
def show_platforms(request: Request, store: StoreDependency) -> Response:
    """The list of platforms."""
    return page(request, "platforms.html", platforms=all_platforms(store))


@router.get("/platforms/{name}")
def show_platform(request: Request, name: str, store: StoreDependency) -> Response:
    """A platform."""
    platform = platform_of(store, name)
    return page(
        request,
        "platform.html",
        platform=platform,
        columns=COLUMNS,
        rows=_rows(platform),
        accuracy=accuracy_of_table(platform),
    )


@router.get("/platforms/{name}/model-error.json")
def get_model_error(name: str, store: StoreDependency) -> Response:
    """The figure of the table's errors (Fig. 4), as Plotly's JSON."""
    accuracy = accuracy_of_table(platform_of(store, name))
    if accuracy is None:
        raise NotFoundError(f"no ConvNets were measured with the platform {name!r}")
    chart = latency_model.figure(accuracy, name)
    return Response(chart.to_json(), media_type="application/json", headers={"cache-control": "no-cache"})


def _rows(platform: Platform) -> list[LayerRow]:
    runtimes = [platform.layers[layer] for layer in SEARCHABLE]
    factors = [platform.se_factors[layer] for layer in SEARCHABLE]
    return [
        LayerRow(layer, _cells(row, runtimes), _cells(factor_row, factors))
        for layer, row, factor_row in zip(SEARCHABLE, runtimes, factors, strict=True)
    ]


def _cells(row: tuple[float, ...], table: list[tuple[float, float, float, float]]) -> tuple[Cell, ...]:
    low, high = min(min(each) for each in table), max(max(each) for each in table)
    width = (high - low) or 1.0
    return tuple(Cell(value, min(_SHADES - 1, int((value - low) / width * _SHADES))) for value in row)
