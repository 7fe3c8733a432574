"""Tells a listener when a study has changed, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from service.api.dependencies import STUDY, StoreDependency, StudyId
from service.api.problems import documented
from service.domain.errors import NotFoundError

router = APIRouter(prefix=STUDY, tags=["studies"])

POLL_SECONDS = 0.5
"""How soon a change is told, at the latest. Changes in between are told as one."""


async def _revision(study_id: StudyId, store: StoreDependency) -> int:
    return await asyncio.to_thread(store.studies.revision, study_id)


@router.get("/events", response_class=EventSourceResponse, responses=documented(404))
async def watch_study(
    request: Request,
    study_id: StudyId,
    store: StoreDependency,
    revision: Annotated[int, Depends(_revision)],
    last_event_id: Annotated[str | None, Header(description="Revision that you have already.")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Follow a study.

    An event says `{"revision": ...}` whenever the study, one of its trials or an epoch has changed; then
    fetch what you show. The first event comes at once, unless `Last-Event-ID` names the present revision. The
    stream ends when the study is deleted.
    """
    told = last_event_id
    while not request.app.state.stopping.is_set():
        if told != str(revision):
            told = str(revision)
            yield ServerSentEvent(data={"revision": revision}, id=told)
        await asyncio.sleep(POLL_SECONDS)
        try:
            revision = await _revision(study_id, store)
        except NotFoundError:
            return
