"""What several pages read: the store of a request, and platforms wherever they are kept."""

import re
from typing import Annotated

from fastapi import Depends, Request

from nas_worker.platform import Platform, load_platform, platform_names
from service.advisor import Advisor
from service.db.store import Store
from service.domain.errors import NotFoundError
from service.settings import Settings

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


async def _store(request: Request) -> Store:
    store = request.app.state.store
    assert isinstance(store, Store)
    return store


StoreDependency = Annotated[Store, Depends(_store)]


async def _advisor(request: Request) -> Advisor:
    advisor = request.app.state.advisor
    assert isinstance(advisor, Advisor)
    return advisor


AdvisorDependency = Annotated[Advisor, Depends(_advisor)]


async def _settings(request: Request) -> Settings:
    settings = request.app.state.settings
    assert isinstance(settings, Settings)
    return settings


SettingsDependency = Annotated[Settings, Depends(_settings)]


def platform_of(store: Store, name: str) -> Platform:
    """A platform, shipped or put by a user.

    Raises:
        NotFoundError: There is none of that name.
    """
    return load_platform(name) if name in platform_names() else store.platforms.get(name)


def platform_if_any(store: Store, name: str) -> Platform | None:
    """A platform, or None where a study names one that is gone."""
    try:
        return platform_of(store, name)
    except NotFoundError:
        return None


def all_platforms(store: Store) -> list[Platform]:
    """Every platform that a study can name, shipped ones first."""
    return [*(load_platform(name) for name in platform_names()), *store.platforms.list()]


async def _study_id(study_id: str) -> str:
    if _ID.fullmatch(study_id) is None:
        raise NotFoundError("there is no such study")
    return study_id


StudyId = Annotated[str, Depends(_study_id)]


def without_empty(values: list[str]) -> list[str]:
    """The values of a repeated parameter; a form's choice of "any" comes as an empty one."""
    return [value for value in values if value]
