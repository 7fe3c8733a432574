"""What endpoints need from the application and from the path, as FastAPI dependencies."""

from typing import Annotated

from fastapi import Depends, Path, Request
from starlette.convertors import Convertor, register_url_convertor

from service.advisor import Advisor
from service.db.store import Store
from service.figures import Readings
from service.settings import Settings


class _StudyIdConvertor(Convertor[str]):
    """Without the colon, so that an action such as ``:pause`` is never taken for a part of the id."""

    regex = "[A-Za-z0-9_-]{1,64}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("study_id", _StudyIdConvertor())

STUDY = "/v1/studies/{study_id:study_id}"
"""Path of a study."""


async def _store(request: Request) -> Store:
    store = request.app.state.store
    assert isinstance(store, Store)
    return store


async def _advisor(request: Request) -> Advisor:
    advisor = request.app.state.advisor
    assert isinstance(advisor, Advisor)
    return advisor


async def _readings(request: Request) -> Readings:
    readings = request.app.state.readings
    assert isinstance(readings, Readings)
    return readings


async def _settings(request: Request) -> Settings:
    settings = request.app.state.settings
    assert isinstance(settings, Settings)
    return settings


SettingsDependency = Annotated[Settings, Depends(_settings)]
StoreDependency = Annotated[Store, Depends(_store)]
AdvisorDependency = Annotated[Advisor, Depends(_advisor)]
ReadingsDependency = Annotated[Readings, Depends(_readings)]
StudyId = Annotated[str, Path(description="Id of a study.")]
TrialNumber = Annotated[int, Path(description="Number of a trial in its study, from 0.", ge=0, lt=2**31)]
