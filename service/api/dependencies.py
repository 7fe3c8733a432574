"""What endpoints need from the application and the path, as FastAPI dependencies."""

import re
from typing import Annotated

from fastapi import Depends, Path, Request

from service.db.store import Store
from service.domain.errors import NotFoundError

_STUDY_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


async def _store(request: Request) -> Store:
    store = request.app.state.store
    assert isinstance(store, Store)
    return store


async def _study_id(study_id: Annotated[str, Path(description="Id of a study.")]) -> str:
    if _STUDY_ID.fullmatch(study_id) is None:
        raise NotFoundError("there is no such study: an id consists of letters, digits, - and _")
    return study_id


StoreDependency = Annotated[Store, Depends(_store)]
StudyId = Annotated[str, Depends(_study_id)]
TrialNumber = Annotated[int, Path(description="Number of a trial in its study, from 0.", ge=0, lt=2**31)]
