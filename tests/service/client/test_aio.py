import asyncio

import pytest

from service.api.schemas import Study, StudyPatch, StudySpec
from service.client import ApiNotFoundError, AsyncClient, ServiceUnreachableError
from service.domain.states import StudyState
from tests.service.live import Live
from tests.service.searches import finished_trial

SPEC = StudySpec(target_runtime_ms=80, budget_epochs=40)


def test_it_does_what_the_sync_client_does(live: Live) -> None:
    async def use() -> None:
        async with AsyncClient(live.base_url) as client:
            study = await client.create_study(SPEC)
            finished_trial(live.store, study.id)
            assert (await client.best(study.id)).reward == pytest.approx(0.9)
            (advice,) = await client.recommendations(study.id)
            assert (advice.basis, advice.best_number) == ("best_trial", 0)
            assert [trial.number async for trial in client.trials(study.id, page_size=1)] == [0]
            assert len(await client.epochs(study.id, 0)) == 8
            states = [event.state async for event in client.history(study.id, trial=0, page_size=2)]
            assert states == ["completed", "running", "queued"]
            assert (await client.trial(study.id, 0)).architecture is not None
            changed = await client.update(study.id, StudyPatch(notes="checked"))
            assert changed.spec.notes == "checked"
            assert study.id in [each.id async for each in client.list_studies()]
            seen: list[Study] = []
            await client.cancel(study.id)
            assert (await client.wait(study.id, seen.append)).state is StudyState.CANCELLED
            assert [each.state for each in seen] == [StudyState.CANCELLED]
            await client.delete(study.id)
            with pytest.raises(ApiNotFoundError):
                await client.get_study(study.id)

    asyncio.run(use())


def test_calls_run_side_by_side(live: Live) -> None:
    async def use() -> int:
        async with AsyncClient(live.base_url) as client:
            studies = await asyncio.gather(*(client.create_study(SPEC) for _ in range(10)))
            return len({study.id for study in studies})

    assert asyncio.run(use()) == 10


def test_wait_gives_up_in_time(live: Live) -> None:
    async def use() -> None:
        async with AsyncClient(live.base_url) as client:
            study = await client.create_study(SPEC)
            await client.wait(study.id, timeout_seconds=0.1, poll_seconds=0.02)

    with pytest.raises(TimeoutError, match="is not done after"):
        asyncio.run(use())


def test_nobody_there() -> None:
    async def use() -> None:
        async with AsyncClient("http://127.0.0.1:1", retries=0) as client:
            await client.get_study("x")

    with pytest.raises(ServiceUnreachableError, match="no service answers at"):
        asyncio.run(use())


def test_csv_comes_in_chunks(live: Live) -> None:
    async def use() -> None:
        async with AsyncClient(live.base_url) as client:
            study = await client.create_study(SPEC)
            finished_trial(live.store, study.id)
            content = b"".join([chunk async for chunk in client.trials_csv(study.id)])
            assert content.decode().splitlines()[1].startswith("0,completed,1.0,8,8,")
            with pytest.raises(ApiNotFoundError):
                await anext(client.trials_csv("missing"))
        async with AsyncClient("http://127.0.0.1:1") as client:
            with pytest.raises(ServiceUnreachableError):
                await anext(client.trials_csv(study.id))

    asyncio.run(use())
