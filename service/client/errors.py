"""What the client raises. Each error carries the problem that the service sent."""

from service.api.schemas import FieldProblem, Problem


class ClientError(Exception):
    """Base of everything that the client raises on purpose."""


class ServiceUnreachableError(ClientError):
    """Nothing answered at the base URL, or the connection broke."""


class ApiError(ClientError):
    """The service refused or failed.

    Attributes:
        problem: What it said, as RFC 9457 has it.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem

    @property
    def code(self) -> str:
        """Last part of the problem's type, such as ``not-found``."""
        return self.problem.type.rpartition(":")[2]


class ApiNotFoundError(ApiError):
    """404: there is no such study, trial, platform or figure."""


class ApiNoBestTrialError(ApiNotFoundError):
    """404: the study has no finished trial at full fidelity yet."""


class ApiConflictError(ApiError):
    """409: not possible in the state that the resource is in."""


class ApiPreconditionFailedError(ApiError):
    """412: the resource has changed since it was read."""


class ApiValidationError(ApiError):
    """422: a field is not acceptable."""

    @property
    def errors(self) -> tuple[FieldProblem, ...]:
        """One entry per field."""
        return self.problem.errors or ()


class ApiAccessError(ApiError):
    """401 or 403: the token is missing, not valid, or of too narrow a scope."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: ApiAccessError,
    403: ApiAccessError,
    404: ApiNotFoundError,
    409: ApiConflictError,
    412: ApiPreconditionFailedError,
    422: ApiValidationError,
}


def error_of(problem: Problem) -> ApiError:
    """The error that stands for a problem."""
    if problem.type.endswith(":no-best-trial"):
        return ApiNoBestTrialError(problem)
    return _BY_STATUS.get(problem.status, ApiError)(problem)
