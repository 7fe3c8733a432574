"""The OpenAPI document: FastAPI's, with problem documents in place of its own error schema."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.access import required_scope
from service.api.examples import ANSWERS
from service.api.problems import MEDIA_TYPE, documented
from service.api.schemas import Problem

DESCRIPTION = """
Finds, for a target runtime on a platform, the trade-off lambda, and so the ConvNet, of a Single-Path NAS
search.

A **study** asks for a target. Its solver proposes **trials**, each a NAS search at one lambda, and each trial
records an **epoch** after another. The best trial at full fidelity is the study's answer.

Every error is a problem document (RFC 9457) whose `type` is stable; `errors` names each field that is not
acceptable. Lists are paged: pass `next_page_token` as `page_token` until it is null.
"""

TAGS = [
    {"name": "studies", "description": "Target-runtime tuning jobs."},
    {"name": "trials", "description": "The NAS searches of a study."},
    {"name": "figures", "description": "Plotly figures of a study."},
    {"name": "platforms", "description": "Latency tables."},
    {"name": "solvers", "description": "What proposes the next lambda."},
    {"name": "health", "description": "For load balancers and monitoring."},
]


def install(app: FastAPI, *, needs_token: bool) -> None:
    """Has an application serve this document; with ``needs_token`` it says how to log in."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
            if needs_token:
                _add_security(app.openapi_schema)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend its document


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    schemas = document["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schemas["Problem"].pop("$defs"))
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in document["paths"].values():
        for operation in operations.values():
            # FastAPI documents its own error schema wherever an operation has parameters.
            if "422" in operation["responses"]:
                operation["responses"]["422"]["content"] = problem
    _add_links(document["paths"])
    _add_examples(document["paths"])
    _simplify_tuples(schemas)
    return document


def _add_examples(paths: dict[str, Any]) -> None:
    """Shows an answer of each operation that has one here."""
    for operations in paths.values():
        for operation in operations.values():
            answer = ANSWERS.get(operation["operationId"])
            if answer is not None:
                status = next(status for status in operation["responses"] if status.startswith("2"))
                content = operation["responses"][status]["content"]["application/json"]
                content["example"] = answer.model_dump(mode="json", by_alias=True)


def _simplify_tuples(node: Any) -> None:
    """Writes arrays of a fixed length without prefixItems, which many tools cannot read."""
    if isinstance(node, list):
        for child in node:
            _simplify_tuples(child)
    elif isinstance(node, dict):
        for child in node.values():
            _simplify_tuples(child)
        positions = node.pop("prefixItems", None)
        if positions is None:
            return
        if all("const" in position for position in positions):
            node["const"] = [position["const"] for position in positions]
        else:
            assert all(position == positions[0] for position in positions), "no such type in this API"
            node["items"] = positions[0]


def _add_security(document: dict[str, Any]) -> None:
    """Says that a token is needed, where it is, and what is answered without."""
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "An access token, `spnas_...`."}
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            scope = required_scope(method.upper(), path)
            if scope is not None:
                operation["security"] = [{"token": []}]
                operation["description"] += f"\n\nNeeds a token with the scope `{scope}`."
                operation["responses"] |= {
                    str(key): value for key, value in documented(401, 403, 429).items()
                }


def _add_links(paths: dict[str, Any]) -> None:
    """Says which operations go on from a new study, and from the first trial of a list."""
    of_study: dict[str, Any] = {}
    of_trial: dict[str, Any] = {}
    for path, operations in paths.items():
        for operation in operations.values():
            name = operation["operationId"]
            if "{number}" in path:
                parameters = {
                    "study_id": "$request.path.study_id",
                    "number": "$response.body#/trials/0/number",
                }
                of_trial[name] = {"operationId": name, "parameters": parameters}
            elif "{study_id}" in path:
                of_study[name] = {"operationId": name, "parameters": {"study_id": "$response.body#/id"}}
    paths["/v1/studies"]["post"]["responses"]["201"]["links"] = of_study
    paths["/v1/studies/{study_id}/trials"]["get"]["responses"]["200"]["links"] = of_trial
