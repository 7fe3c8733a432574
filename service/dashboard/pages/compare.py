"""Several studies side by side."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from service.dashboard.page_route import PageRoute
from service.dashboard.reading import StoreDependency
from service.dashboard.rendering import page
from service.domain.records import StudyRecord

router = APIRouter(include_in_schema=False, route_class=PageRoute)

MOST = 20
_TEXTS = ("name", "notes", "tags")


@router.get("/compare")
def show_comparison(
    request: Request,
    store: StoreDependency,
    study: Annotated[list[str], Query(max_length=MOST)] = [],  # noqa: B006 - FastAPI reads the default only
) -> Response:
    """The studies that the address names; where it names fewer than two, a choice."""
    chosen = [store.studies.get(study_id) for study_id in dict.fromkeys(study)]
    choice = store.studies.list(page_size=MOST).items if len(chosen) < 2 else ()
    return page(request, "compare.html", studies=chosen, choice=choice, differences=differences(chosen))


def differences(studies: list[StudyRecord]) -> list[tuple[str, list[Any]]]:
    """The settings in which the studies differ: dotted path and the value of each, None where it has none."""
    flat = [_flatten(study.spec.model_dump(mode="json", exclude=set(_TEXTS))) for study in studies]
    paths = list(dict.fromkeys(path for settings in flat for path in settings))
    rows = [(path, [settings.get(path) for settings in flat]) for path in paths]
    return [(path, values) for path, values in rows if any(value != values[0] for value in values)]


def _flatten(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, dict):
            flat |= _flatten(item, f"{prefix}{key}.")
        else:
            flat[prefix + key] = item
    return flat
