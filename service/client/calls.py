"""The calls of the REST API as values, so that the sync and the async client are thin shells around them."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from nas_worker.platform import Platform
from service.api.artifact_schemas import ArtifactList
from service.api.frontier_schemas import Frontier
from service.api.history_schemas import HistoryPage
from service.api.schemas import (
    EpochList,
    PlatformList,
    Problem,
    RecommendationList,
    Retarget,
    SolverList,
    Study,
    StudyBest,
    StudyPage,
    StudyPatch,
    StudySpec,
    TrialDetail,
    TrialOrder,
    TrialPage,
)
from service.client.errors import ApiError, ApiNotFoundError, ServiceUnreachableError, error_of
from service.client.figure import Figure
from service.domain.states import StudyState, TrialState

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

RETRY_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how its answer is read.

    Attributes:
        method: HTTP method.
        path: Path below the base URL.
        parse: Reads a successful answer.
        params: Query parameters; None and "" are left out.
        body: JSON body.
        headers: Headers besides the defaults.
        safe: Whether sending it twice does what sending it once does, so that it may be retried.
    """

    method: str
    path: str
    parse: Callable[[httpx.Response], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    body: BaseModel | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    safe: bool = True

    def request(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """The request, with the client's base URL and default headers."""
        headers = dict(self.headers)
        content = None
        if self.body is not None:
            headers["content-type"] = "application/json"
            content = self.body.model_dump_json(by_alias=True, exclude_unset=True)
        params = {name: value for name, value in self.params.items() if value not in (None, "")}
        return http.build_request(self.method, self.path, params=params, content=content, headers=headers)

    def read(self, response: httpx.Response) -> T:
        """The answer's value.

        Raises:
            ApiError: The service refused or failed.
        """
        raise_for_problem(response)
        try:
            return self.parse(response)
        except ValueError as error:  # pydantic's ValidationError is one
            raise _unexpected(response, "in another form than this client knows") from error


def raise_for_problem(response: httpx.Response) -> None:
    """Raises the error that stands for an answer which is not a success.

    Raises:
        ApiError: The service refused or failed.
    """
    if response.is_success or response.status_code == httpx.codes.NOT_MODIFIED:
        return
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        raise error_of(Problem.model_validate_json(response.content))
    raise _unexpected(response, "without a problem document")


def unreachable(base_url: httpx.URL, error: httpx.TransportError) -> ServiceUnreachableError:
    """What to raise where no answer came."""
    return ServiceUnreachableError(f"no service answers at {base_url}: {str(error) or type(error).__name__}")


def _unexpected(response: httpx.Response, how: str) -> ApiError:
    return error_of(
        Problem(
            type="urn:spnas:problem:unexpected",
            title="Not an answer of this service",
            status=response.status_code,
            detail=f"{response.request.url} answered {response.status_code}, {how}",
        )
    )


def _model(model: type[M]) -> Callable[[httpx.Response], M]:
    return lambda response: model.model_validate_json(response.content)


def _study_path(study_id: str, rest: str = "") -> str:
    return f"/v1/studies/{_quoted(study_id)}{rest}"


def _quoted(part: str) -> str:
    """One part of a path, which can neither be empty nor lead to another place."""
    if part.strip(".") == "":
        raise ApiNotFoundError(
            Problem(
                type="urn:spnas:problem:not-found",
                title="Not found",
                status=404,
                detail=f"there is no {part!r}",
            )
        )
    return quote(part, safe="")


def create_study(spec: StudySpec, idempotency_key: str | None) -> Call[Study]:
    """POST /v1/studies; a key is made where none is given, which makes the call safe to retry."""
    key = idempotency_key or str(uuid.uuid4())
    # Fields that are not set are not sent, but a solver needs its kind: Composite() leaves it at the default.
    solver = spec.solver.model_copy(update={"kind": spec.solver.kind})
    body = spec.model_copy(update={"solver": solver}) if "solver" in spec.model_fields_set else spec
    return Call("POST", "/v1/studies", _model(Study), body=body, headers={"idempotency-key": key})


def get_study(study_id: str) -> Call[Study]:
    """GET /v1/studies/{id}."""
    return Call("GET", _study_path(study_id), _model(Study))


def changed_study(study_id: str, revision: int) -> Call[Study | None]:
    """GET /v1/studies/{id}, None while it still has the revision (304)."""

    def parse(response: httpx.Response) -> Study | None:
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return None
        return Study.model_validate_json(response.content)

    return Call("GET", _study_path(study_id), parse, headers={"if-none-match": f'"{revision}"'})


def list_studies(
    states: Sequence[StudyState], query: str, page_size: int, page_token: str | None
) -> Call[StudyPage]:
    """GET /v1/studies, one page."""
    params = {"state": list(states) or None, "q": query, "page_size": page_size, "page_token": page_token}
    return Call("GET", "/v1/studies", _model(StudyPage), params)


def update_study(study_id: str, patch: StudyPatch, if_revision: int | None) -> Call[Study]:
    """PATCH /v1/studies/{id}; only the fields set on the patch change."""
    headers = {} if if_revision is None else {"if-match": f'"{if_revision}"'}
    return Call(
        "PATCH", _study_path(study_id), _model(Study), body=patch, headers=headers, safe=if_revision is None
    )


def act_on_study(study_id: str, verb: str) -> Call[Study]:
    """POST /v1/studies/{id}:pause, :resume or :cancel; each does nothing the second time."""
    return Call("POST", _study_path(study_id, f":{verb}"), _model(Study))


def retarget_study(
    study_id: str, target_runtime_ms: float | Sequence[float], budget_epochs: int | None
) -> Call[Study]:
    """POST /v1/studies/{id}:retarget."""
    fields: dict[str, Any] = {"target_runtime_ms": target_runtime_ms}
    if budget_epochs is not None:
        fields["budget_epochs"] = budget_epochs
    request = Retarget.model_validate(fields)
    return Call("POST", _study_path(study_id, ":retarget"), _model(Study), body=request, safe=False)


def delete_study(study_id: str) -> Call[None]:
    """DELETE /v1/studies/{id}."""
    return Call("DELETE", _study_path(study_id), lambda _: None, safe=False)


def best(study_id: str, target_runtime_ms: float | None) -> Call[StudyBest]:
    """GET /v1/studies/{id}/best."""
    params = {"target_runtime_ms": target_runtime_ms}
    return Call("GET", _study_path(study_id, "/best"), _model(StudyBest), params)


def recommendation(study_id: str, target_runtime_ms: float | None) -> Call[RecommendationList]:
    """GET /v1/studies/{id}/recommendation."""
    params = {"target_runtime_ms": target_runtime_ms}
    return Call("GET", _study_path(study_id, "/recommendation"), _model(RecommendationList), params)


def list_trials(
    study_id: str,
    *,
    states: Sequence[TrialState],
    updated_since: datetime | None,
    order_by: TrialOrder,
    page_size: int,
    page_token: str | None,
) -> Call[TrialPage]:
    """GET /v1/studies/{id}/trials, one page."""
    params = {
        "state": list(states) or None,
        "updated_since": None if updated_since is None else updated_since.isoformat(),
        "order_by": order_by,
        "page_size": page_size,
        "page_token": page_token,
    }
    return Call("GET", _study_path(study_id, "/trials"), _model(TrialPage), params)


def get_trial(study_id: str, number: int) -> Call[TrialDetail]:
    """GET /v1/studies/{id}/trials/{number}."""
    return Call("GET", _study_path(study_id, f"/trials/{number}"), _model(TrialDetail))


def list_epochs(study_id: str, number: int) -> Call[EpochList]:
    """GET /v1/studies/{id}/trials/{number}/epochs."""
    return Call("GET", _study_path(study_id, f"/trials/{number}/epochs"), _model(EpochList))


def list_artifacts(study_id: str, number: int) -> Call[ArtifactList]:
    """GET /v1/studies/{id}/trials/{number}/artifacts."""
    return Call("GET", _study_path(study_id, f"/trials/{number}/artifacts"), _model(ArtifactList))


def get_artifact(study_id: str, number: int, name: str) -> Call[bytes]:
    """GET /v1/studies/{id}/trials/{number}/artifacts/{name}."""
    path = f"/trials/{number}/artifacts/{quote(name, safe='')}"
    return Call("GET", _study_path(study_id, path), lambda response: response.content)


def get_frontier(platform: str, dataset: str, epochs: int | None) -> Call[Frontier]:
    """GET /v1/frontier."""
    params = {"platform": platform, "dataset": dataset, "epochs": epochs}
    return Call("GET", "/v1/frontier", _model(Frontier), params=params)


def list_history(
    study_id: str, trial: int | None, page_size: int, page_token: str | None
) -> Call[HistoryPage]:
    """GET /v1/studies/{id}/history, one page."""
    params = {"trial": trial, "page_size": page_size, "page_token": page_token}
    return Call("GET", _study_path(study_id, "/history"), _model(HistoryPage), params)


def get_figure(study_id: str, name: str, compare_with: Sequence[str] = ()) -> Call[Figure]:
    """GET /v1/studies/{id}/figures/{name}: Plotly's JSON."""
    return Call(
        "GET",
        _study_path(study_id, f"/figures/{_quoted(name)}"),
        lambda response: Figure(response.json()),
        {"compare_with": list(compare_with) or None},
    )


def trials_csv(study_id: str) -> Call[None]:
    """GET /v1/studies/{id}/trials.csv; the body is streamed by the caller."""
    return Call("GET", _study_path(study_id, "/trials.csv"), lambda _: None)


def list_platforms() -> Call[PlatformList]:
    """GET /v1/platforms."""
    return Call("GET", "/v1/platforms", _model(PlatformList))


def get_platform(name: str) -> Call[Platform]:
    """GET /v1/platforms/{name}."""
    return Call("GET", f"/v1/platforms/{_quoted(name)}", _model(Platform))


def put_platform(name: str, platform: Platform) -> Call[Platform]:
    """PUT /v1/platforms/{name}."""
    return Call("PUT", f"/v1/platforms/{_quoted(name)}", _model(Platform), body=platform)


def list_solvers() -> Call[SolverList]:
    """GET /v1/solvers."""
    return Call("GET", "/v1/solvers", _model(SolverList))
