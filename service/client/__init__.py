"""Typed Python client over the REST API: ``with Client("http://127.0.0.1:8080") as client: ...``."""

from service.api.schemas import StudyPatch, StudySpec
from service.client.aio import AsyncClient
from service.client.async_handle import AsyncStudyHandle
from service.client.errors import (
    ApiAccessError,
    ApiConflictError,
    ApiError,
    ApiNoBestTrialError,
    ApiNotFoundError,
    ApiPreconditionFailedError,
    ApiValidationError,
    ClientError,
    ServiceUnreachableError,
)
from service.client.figure import Figure
from service.client.handle import StudyHandle
from service.client.progress import show_progress
from service.client.sync import Client

__all__ = [
    "ApiAccessError",
    "ApiConflictError",
    "ApiError",
    "ApiNoBestTrialError",
    "ApiNotFoundError",
    "ApiPreconditionFailedError",
    "ApiValidationError",
    "AsyncClient",
    "AsyncStudyHandle",
    "Client",
    "ClientError",
    "Figure",
    "ServiceUnreachableError",
    "StudyHandle",
    "StudyPatch",
    "StudySpec",
    "show_progress",
]
