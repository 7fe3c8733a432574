"""A study at hand, sync and async: the same calls, the same answers."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from service.client import ApiNotFoundError, AsyncClient, Client, StudyPatch, StudySpec
from service.client.async_handle import AsyncStudyHandle
from service.client.handle import StudyHandle
from service.domain.states import StudyState
from tests.service.live import Live
from tests.service.searches import ARCHITECTURE, finished_trial

SPEC = StudySpec(target_runtime_ms=80, name="<b>at hand</b>", budget_epochs=40)


async def awaited(answer: Any) -> Any:
    """The value of a call, sync or async; iterators as lists."""
    if isinstance(answer, Awaitable):
        return await answer
    if isinstance(answer, AsyncIterator):
        return [each async for each in answer]
    return list(answer) if isinstance(answer, Iterator) else answer


Use = Callable[[Any], Awaitable[None]]


def use_both(live: Live, use: Use) -> None:
    async def use_them() -> None:
        with Client(live.base_url) as client:
            await use(client)
        async with AsyncClient(live.base_url) as aio:
            await use(aio)

    asyncio.run(use_them())


def test_what_a_study_found(live: Live) -> None:
    async def use(client: Any) -> None:
        study = await awaited(client.study(await awaited(client.create_study(SPEC))))
        finished_trial(live.store, study.id, accuracy=0.9, runtime_ms=78)
        finished_trial(live.store, study.id, accuracy=0.8, runtime_ms=58)
        assert study.latest.spent_epochs == 0
        assert (await awaited(study.refresh())).spent_epochs == 16
        assert study.latest.spent_epochs == 16
        assert (await awaited(study.best())).architecture == ARCHITECTURE
        assert (await awaited(study.best(target_runtime_ms=60))).number == 1
        assert [trial.number for trial in await awaited(study.trials(order_by="reward"))] == [0, 1]
        assert (await awaited(study.trial(1))).runtime_ms == 58
        (advice,) = await awaited(study.recommendations())
        assert advice.best_number == 0
        assert (await awaited(study.figure("progress")))["data"]
        again = await awaited(client.study(study.id))
        assert again.latest == study.latest

    use_both(live, use)


def test_what_can_be_done_with_it(live: Live) -> None:
    async def use(client: Any) -> None:
        study = await awaited(client.study(await awaited(client.create_study(SPEC))))
        for action, state in [
            (study.pause, StudyState.PAUSED),
            (study.resume, StudyState.PENDING),
            (lambda: study.update(StudyPatch(notes="seen")), StudyState.PENDING),
            (study.cancel, StudyState.CANCELLED),
        ]:
            assert (await awaited(action())).state is study.latest.state is state
        assert study.latest.spec.notes == "seen"
        await awaited(study.delete())
        with pytest.raises(ApiNotFoundError):
            await awaited(study.refresh())

    use_both(live, use)


def test_waiting_keeps_it_up_to_date(live: Live) -> None:
    async def use(client: Any) -> None:
        study = await awaited(client.study(await awaited(client.create_study(SPEC))))
        finished_trial(live.store, study.id)
        seen: list[int] = []

        def end(latest: Any) -> None:
            assert latest == study.latest
            seen.append(latest.spent_epochs)
            if not latest.state.is_final:
                live.store.studies.cancel(study.id)

        assert (await awaited(study.wait(end, poll_seconds=0.01))).state is StudyState.CANCELLED
        assert seen == [8, 8]
        other = await awaited(study.retarget(60))
        assert type(other) is type(study)
        assert (await awaited(other.wait())).spec.target_runtime_ms == 60

    use_both(live, use)


@pytest.mark.parametrize(("sync", "aio"), [(Client, AsyncClient), (StudyHandle, AsyncStudyHandle)])
def test_both_offer_the_same(sync: type, aio: type) -> None:
    def offered(kind: type) -> dict[str, list[tuple[str, object, object]]]:
        return {
            name: [(p.name, p.kind, p.default) for p in inspect.signature(member).parameters.values()]
            for name, member in vars(kind).items()
            if inspect.isfunction(member) and not name.startswith("_")
        }

    assert offered(sync) == offered(aio)


def test_a_notebook_shows_where_it_stands(live: Live, client: Client) -> None:
    study = client.study(client.create_study(SPEC))
    finished_trial(live.store, study.id)
    assert "0 of 40 epochs" in study._repr_html_()
    study.refresh()
    html = study._repr_html_()
    for shown in (study.id, "8 of 40 epochs", "1 completed", "lambda 1", "78.00 ms", "&lt;b&gt;at hand"):
        assert shown in html
    assert "<b>at hand" not in html
    assert "8 of 40 epochs" in repr(study)
