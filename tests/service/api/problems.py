"""What every problem document must be."""

from typing import Any

import httpx


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Checks that the answer is this problem, and returns it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["type"] == f"urn:spnas:problem:{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert "Traceback" not in response.text
    assert "pydantic" not in response.text
    return problem


def assert_invalid(response: httpx.Response, *fields: str) -> dict[str, Any]:
    """Checks that exactly these fields are refused, each with a message; returns the messages by field."""
    problem = assert_problem(response, 422, "validation")
    messages = {error["field"]: error["message"] for error in problem["errors"]}
    assert sorted(messages) == sorted(fields), problem
    assert all(messages.values())
    return messages
