"""A request that nobody should send, and the answer that it must get.

What differs from run to run stands in braces: {study} has two completed trials, a trial of {running} runs,
{cancelled} has ended, {page} is a page token of the list of studies, {expired} and {revoked} are access
tokens.
"""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from service.domain.access import Scope

JSON = {"content-type": "application/json"}
MAX_BODY_SECONDS = 1.0
"""Of the service that is asked."""

STUDIES = "/v1/studies"
STUDY = "/v1/studies/{study}"


@dataclass(frozen=True)
class BadRequest:
    """A request, and the answer that it must get.

    Attributes:
        why: What is wrong with it.
        send: Method and path.
        status: Of the answer.
        code: Last part of the problem's type.
        says: What the detail must contain.
        body: JSON value, or bytes as they are.
        headers: Besides the token's.
        scope: Of the token that is shown; None: no token.
        sent: How the body is sent.
    """

    why: str
    send: str
    status: int
    code: str
    says: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    scope: Scope | None = Scope.ADMIN
    sent: Literal["whole", "in chunks", "too slowly"] = "whole"

    @property
    def content(self) -> bytes | Iterator[bytes] | None:
        """The body for httpx."""
        if self.body is None:
            return None
        content = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        match self.sent:
            case "whole":
                return content
            case "in chunks":
                return (content[start : start + 65_536] for start in range(0, len(content), 65_536))
            case "too slowly":
                return _slowly(content)


def _slowly(content: bytes) -> Iterator[bytes]:
    half = len(content) // 2
    yield content[:half]
    time.sleep(2 * MAX_BODY_SECONDS)
    yield content[half:]
