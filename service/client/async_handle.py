"""A study at hand, for asyncio."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from service.api.schemas import Recommendation, Study, StudyBest, StudyPatch, Trial, TrialDetail, TrialOrder
from service.client.figure import Figure
from service.client.progress import StudyDisplay, show_progress
from service.domain.states import TrialState

if TYPE_CHECKING:
    from service.client.aio import AsyncClient


class AsyncStudyHandle(StudyDisplay):
    """As :class:`service.client.StudyHandle`, for asyncio. Methods do and raise the same.

    Attributes:
        latest: The study as it was last read.
    """

    def __init__(self, client: "AsyncClient", study: Study) -> None:
        super().__init__(study)
        self._client = client

    async def refresh(self) -> Study:
        """Reads the study anew."""
        return self._seen(await self._client.get_study(self.id))

    async def wait(
        self,
        on_change: Callable[[Study], None] | None = None,
        *,
        timeout_seconds: float | None = None,
        poll_seconds: float = 1.0,
    ) -> Study:
        """Waits until the study has come to a final state; see :meth:`service.client.StudyHandle.wait`."""
        tell = on_change or show_progress()

        def note(study: Study) -> None:
            tell(self._seen(study))

        return await self._client.wait(
            self.id, note, timeout_seconds=timeout_seconds, poll_seconds=poll_seconds
        )

    async def best(self, *, target_runtime_ms: float | None = None) -> StudyBest:
        """The best trial for the study's target (of several, the first) or for another."""
        return await self._client.best(self.id, target_runtime_ms=target_runtime_ms)

    async def recommendations(self, *, target_runtime_ms: float | None = None) -> tuple[Recommendation, ...]:
        """What the solver recommends, for each of the study's targets or for another."""
        return await self._client.recommendations(self.id, target_runtime_ms=target_runtime_ms)

    def trials(
        self,
        *,
        states: Sequence[TrialState] = (),
        updated_since: datetime | None = None,
        order_by: TrialOrder = "number",
    ) -> AsyncIterator[Trial]:
        """Its trials, fetched page by page."""
        return self._client.trials(self.id, states=states, updated_since=updated_since, order_by=order_by)

    async def trial(self, number: int) -> TrialDetail:
        """One trial with its architecture."""
        return await self._client.trial(self.id, number)

    async def figure(self, name: str, *, compare_with: Sequence[str] = ()) -> Figure:
        """A figure, which a notebook draws."""
        return await self._client.figure(self.id, name, compare_with=compare_with)

    async def update(self, patch: StudyPatch, *, if_revision: int | None = None) -> Study:
        """Changes the fields that are set on the patch."""
        return self._seen(await self._client.update(self.id, patch, if_revision=if_revision))

    async def pause(self) -> Study:
        """Starts no more trials; running ones are handed back and go on after :meth:`resume`."""
        return self._seen(await self._client.pause(self.id))

    async def resume(self) -> Study:
        """Lets it go on after a pause."""
        return self._seen(await self._client.resume(self.id))

    async def cancel(self) -> Study:
        """Ends it for good; what it found stays."""
        return self._seen(await self._client.cancel(self.id))

    async def retarget(
        self, target_runtime_ms: float | Sequence[float], *, budget_epochs: int | None = None
    ) -> "AsyncStudyHandle":
        """A new study with this one's finished trials, scored for another target, or several."""
        study = await self._client.retarget(self.id, target_runtime_ms, budget_epochs=budget_epochs)
        return AsyncStudyHandle(self._client, study)

    async def delete(self) -> None:
        """Deletes it with its trials, if it does not run."""
        await self._client.delete(self.id)
