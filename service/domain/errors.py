"""One family of errors, each with a stable code that the API uses as the problem type."""

from typing import ClassVar


class SpnasError(Exception):
    """Base of everything that the service raises on purpose. The message is fit for a user's eyes."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "The service failed"


class NotFoundError(SpnasError):
    """The named study, trial, platform or artifact does not exist."""

    code = "not-found"
    status = 404
    title = "Not found"


class NoBestTrialError(NotFoundError):
    """The study has no finished trial at full fidelity yet."""

    code = "no-best-trial"
    title = "No finished trial at full fidelity yet"


class ConflictError(SpnasError):
    """The request does not fit the state that the resource is in."""

    code = "conflict"
    status = 409
    title = "Not possible in this state"


class PreconditionFailedError(SpnasError):
    """If-Match names another version of the resource."""

    code = "precondition-failed"
    status = 412
    title = "The resource has changed"


class InvalidFieldError(SpnasError):
    """A field is well-formed but not acceptable. ``field`` is its dotted path."""

    code = "validation"
    status = 422
    title = "The request is not valid"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class IdempotencyKeyReusedError(SpnasError):
    """The Idempotency-Key came with another body before."""

    code = "idempotency-key-reused"
    status = 422
    title = "The Idempotency-Key was used for another request"


class LeaseHeldError(SpnasError):
    """Another dispatcher works on this database."""

    code = "lease-held"
    status = 503
    title = "Another dispatcher holds the lease"


class LeaseLostError(SpnasError):
    """This dispatcher's lease ran out and another one may have taken over; nothing was written."""

    code = "lease-lost"
    status = 503
    title = "The dispatcher's lease is lost"


class DatabaseUnavailableError(SpnasError):
    """The database cannot be reached, read or written. The message says why and what would help."""

    code = "database-unavailable"
    status = 503
    title = "The database cannot be used"


class BusyError(SpnasError):
    """Too much of the same is being worked out already; asking again later helps."""

    code = "busy"
    status = 503
    title = "Too much is being asked at once"


class DatabaseOutdatedError(SpnasError):
    """The database is empty or older than this version of the service; an upgrade is needed."""

    code = "database-outdated"
    status = 503
    title = "The database must be upgraded"


class DatabaseTooNewError(SpnasError):
    """A later version of the service has upgraded the database; this one does not know its tables."""

    code = "database-too-new"
    status = 503
    title = "The database is newer than this service"
