"""The synchronous client."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

import httpx

from nas_worker.platform import Platform
from service.api.artifact_schemas import ArtifactInfo
from service.api.frontier_schemas import FrontierPoint
from service.api.history_schemas import HistoryEvent
from service.api.schemas import (
    Epoch,
    PlatformInfo,
    Recommendation,
    SolverInfo,
    Study,
    StudyBest,
    StudyPatch,
    StudySpec,
    Trial,
    TrialDetail,
    TrialOrder,
)
from service.client import calls
from service.client.calls import RETRY_STATUSES, Call
from service.client.errors import ServiceUnreachableError
from service.client.figure import Figure
from service.client.handle import StudyHandle
from service.domain.states import StudyState, TrialState

T = TypeVar("T")


class Client:
    """A connection to a service.

    Calls that do the same when sent twice are retried if the connection breaks or the service is overloaded:
    all but ``retarget``, ``delete`` and ``update`` without a revision. Every method raises
    :class:`ServiceUnreachableError` when nothing answers and :class:`ApiError` when the service refuses.

    Args:
        base_url: Such as ``http://127.0.0.1:8080``.
        token: Access token, for services that ask for one.
        timeout_seconds: Longest wait for an answer.
        retries: How often a safe call is sent again.
    """

    def __init__(
        self, base_url: str, *, token: str | None = None, timeout_seconds: float = 30.0, retries: int = 2
    ) -> None:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=timeout_seconds)
        self._retries = retries

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the connections."""
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def create_study(self, spec: StudySpec, *, idempotency_key: str | None = None) -> Study:
        """Creates a study; the same key with the same spec gives the same study again."""
        return self._call(calls.create_study(spec, idempotency_key))

    def study(self, study: str | Study) -> StudyHandle:
        """A study at hand, by its id or as :meth:`create_study` returns it."""
        return StudyHandle(self, self.get_study(study) if isinstance(study, str) else study)

    def get_study(self, study_id: str) -> Study:
        """Reads a study."""
        return self._call(calls.get_study(study_id))

    def list_studies(
        self, *, states: Sequence[StudyState] = (), query: str = "", page_size: int = 50
    ) -> Iterator[Study]:
        """Studies, newest first, fetched page by page. ``query`` looks in names and tags."""
        token = None
        while True:
            page = self._call(calls.list_studies(states, query, page_size, token))
            yield from page.studies
            token = page.next_page_token
            if token is None:
                return

    def update(self, study_id: str, patch: StudyPatch, *, if_revision: int | None = None) -> Study:
        """Changes the fields that are set on the patch; with ``if_revision`` only if nobody else did."""
        return self._call(calls.update_study(study_id, patch, if_revision))

    def pause(self, study_id: str) -> Study:
        """Starts no more trials; running ones are handed back and go on after :meth:`resume`."""
        return self._call(calls.act_on_study(study_id, "pause"))

    def resume(self, study_id: str) -> Study:
        """Lets a paused study go on."""
        return self._call(calls.act_on_study(study_id, "resume"))

    def cancel(self, study_id: str) -> Study:
        """Ends a study for good; what it found stays."""
        return self._call(calls.act_on_study(study_id, "cancel"))

    def retarget(
        self,
        study_id: str,
        target_runtime_ms: float | Sequence[float],
        *,
        budget_epochs: int | None = None,
    ) -> Study:
        """A new study with this one's finished trials, scored for another target, or several."""
        return self._call(calls.retarget_study(study_id, target_runtime_ms, budget_epochs))

    def delete(self, study_id: str) -> None:
        """Deletes a study that is not running, with its trials."""
        self._call(calls.delete_study(study_id))

    def best(self, study_id: str, *, target_runtime_ms: float | None = None) -> StudyBest:
        """The best trial for the study's target (of several, the first) or for another.

        Raises:
            ApiNoBestTrialError: No trial at full fidelity has finished yet.
        """
        return self._call(calls.best(study_id, target_runtime_ms))

    def recommendations(
        self, study_id: str, *, target_runtime_ms: float | None = None
    ) -> tuple[Recommendation, ...]:
        """What the solver recommends, for each of the study's targets or for another.

        Raises:
            ApiNoBestTrialError: No trial that the solver can go by has finished yet.
        """
        found = self._call(calls.recommendation(study_id, target_runtime_ms))
        return found.recommendations

    def trials(
        self,
        study_id: str,
        *,
        states: Sequence[TrialState] = (),
        updated_since: datetime | None = None,
        order_by: TrialOrder = "number",
        page_size: int = 200,
    ) -> Iterator[Trial]:
        """Trials, fetched page by page. ``reward`` order is best first."""
        token = None
        while True:
            page = self._call(
                calls.list_trials(
                    study_id,
                    states=states,
                    updated_since=updated_since,
                    order_by=order_by,
                    page_size=page_size,
                    page_token=token,
                )
            )
            yield from page.trials
            token = page.next_page_token
            if token is None:
                return

    def trial(self, study_id: str, number: int) -> TrialDetail:
        """One trial with its architecture."""
        return self._call(calls.get_trial(study_id, number))

    def epochs(self, study_id: str, number: int) -> tuple[Epoch, ...]:
        """Recorded epochs of a trial."""
        return self._call(calls.list_epochs(study_id, number)).epochs

    def artifacts(self, study_id: str, number: int) -> tuple[ArtifactInfo, ...]:
        """Files that a trial has."""
        return self._call(calls.list_artifacts(study_id, number)).artifacts

    def artifact(self, study_id: str, number: int, name: str) -> bytes:
        """A file of a trial by its name, such as ``architecture.json``."""
        return self._call(calls.get_artifact(study_id, number, name))

    def frontier(
        self, *, platform: str = "pixel1", dataset: str = "digits", epochs: int | None = None
    ) -> tuple[FrontierPoint, ...]:
        """The best ConvNets of all studies: none is beaten in accuracy without being slower."""
        return self._call(calls.get_frontier(platform, dataset, epochs)).points

    def history(
        self, study_id: str, *, trial: int | None = None, page_size: int = 200
    ) -> Iterator[HistoryEvent]:
        """What happened to a study, or to one of its trials, newest first, fetched page by page."""
        token = None
        while True:
            page = self._call(calls.list_history(study_id, trial, page_size, token))
            yield from page.events
            token = page.next_page_token
            if token is None:
                return

    def figure(self, study_id: str, name: str, *, compare_with: Sequence[str] = ()) -> Figure:
        """A figure as Plotly's JSON, which ``plotly.graph_objects.Figure`` takes and a notebook draws.

        ``compare_with`` are further studies, for the figure ``compare``.
        """
        return self._call(calls.get_figure(study_id, name, compare_with))

    def trials_csv(self, study_id: str) -> Iterator[bytes]:
        """The trials as CSV, in chunks as they arrive."""
        request = calls.trials_csv(study_id).request(self._http)
        try:
            response = self._http.send(request, stream=True)
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        try:
            if not response.is_success:
                response.read()
            calls.raise_for_problem(response)
            yield from response.iter_bytes()
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        finally:
            response.close()

    def platforms(self) -> tuple[PlatformInfo, ...]:
        """Platforms that a study can target, with the range of runtimes that each can reach."""
        return self._call(calls.list_platforms()).platforms

    def platform(self, name: str) -> Platform:
        """The latency table of a platform."""
        return self._call(calls.get_platform(name))

    def put_platform(self, name: str, platform: Platform) -> Platform:
        """Stores a latency table of your own."""
        return self._call(calls.put_platform(name, platform))

    def solvers(self) -> tuple[SolverInfo, ...]:
        """Solvers that a study can name."""
        return self._call(calls.list_solvers()).solvers

    def wait(
        self,
        study_id: str,
        on_change: Callable[[Study], None] | None = None,
        *,
        timeout_seconds: float | None = None,
        poll_seconds: float = 1.0,
    ) -> Study:
        """Waits until a study has come to a final state.

        Args:
            study_id: Which study.
            on_change: Called with the study at first and after each change of it, its trials or their epochs.
            timeout_seconds: Longest wait; None: as long as it takes.
            poll_seconds: How often the service is asked for changes.

        Raises:
            TimeoutError: The study is not done after ``timeout_seconds``.
        """
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        study: Study | None = self.get_study(study_id)
        revision = -1
        while True:
            if study is not None:
                revision = study.revision
                if on_change is not None:
                    on_change(study)
                if study.state.is_final:
                    return study
            if deadline is not None and time.monotonic() + poll_seconds > deadline:
                raise TimeoutError(f"study {study_id} is not done after {timeout_seconds} s")
            time.sleep(poll_seconds)
            study = self._call(calls.changed_study(study_id, revision))

    def _call(self, call: Call[T]) -> T:
        for attempt in range(self._retries + 1):
            last = attempt == self._retries or not call.safe
            try:
                response = self._http.send(call.request(self._http))
            except httpx.TransportError as error:
                if last:
                    raise self._unreachable(error) from error
            else:
                if last or response.status_code not in RETRY_STATUSES:
                    return call.read(response)
            time.sleep(0.2 * 2**attempt)
        raise AssertionError("the last attempt returns or raises")

    def _unreachable(self, error: httpx.TransportError) -> ServiceUnreachableError:
        return calls.unreachable(self._http.base_url, error)
