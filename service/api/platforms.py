"""Platforms: the shipped latency tables and those that users add."""

from typing import Annotated

from fastapi import APIRouter, Path

from nas_worker.platform import Platform, load_platform, platform_names
from service.api.dependencies import StoreDependency
from service.api.json_body import JsonRoute
from service.api.problems import documented
from service.api.schemas import PlatformInfo, PlatformList
from service.domain.errors import InvalidFieldError
from service.domain.spec import Text

router = APIRouter(prefix="/v1/platforms", tags=["platforms"], route_class=JsonRoute)

PlatformName = Annotated[Text, Path(description="Name of a platform.", max_length=100)]


@router.get("")
def list_platforms(store: StoreDependency) -> PlatformList:
    """List the platforms that a study can target, each with the range of runtimes that it can reach."""
    shipped = [PlatformInfo.of(load_platform(name), shipped=True) for name in platform_names()]
    stored = [PlatformInfo.of(platform, shipped=False) for platform in store.platforms.list()]
    return PlatformList(platforms=tuple(sorted([*shipped, *stored], key=lambda info: info.name)))


@router.get("/{name}", responses=documented(404, 422))
def get_platform(name: PlatformName, store: StoreDependency) -> Platform:
    """Read the latency table of a platform."""
    return store.platforms.get(name)


@router.put("/{name}", responses=documented(400, 408, 409, 413, 415, 422))
def put_platform(name: PlatformName, platform: Platform, store: StoreDependency) -> Platform:
    """Store a latency table of your own, or replace it. Trials that have started keep the one they have."""
    if platform.name != name:
        raise InvalidFieldError("name", f"must be {name!r} as in the path; got {platform.name!r}")
    store.platforms.put(platform)
    return platform
