"""A service that is asked what nobody should ask, and its answers as a table.

python -m tests.service.api.asked > docs/bad-requests.md
"""

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from service.domain.access import Scope
from tests.service.api.bad_requests import GROUPS
from tests.service.api.bad_requests.request import MAX_BODY_SECONDS, BadRequest
from tests.service.live import Live, live_service
from tests.service.searches import finished_trial, start_trial

_HEAD = """# Bad requests, and what the service answers

Each line is a request that was sent to a running service, and its answer. The tests send them too, and
compare the answers with this page, which `python -m tests.service.api.asked > docs/bad-requests.md` writes
anew. `type` is without `urn:spnas:problem:`; [api.md](api.md#errors) says how problems are built.
{count} requests.
"""
_MAX_SHOWN = 150
_MAX_SHOWN_BODY = 70


@dataclass(frozen=True)
class Asked:
    """A service with some studies and tokens.

    Attributes:
        live: The service.
        http: A connection to it that shows no token of its own.
        values: What stands for the braces in bad requests.
        tokens: One of each scope.
    """

    live: Live
    http: httpx.Client
    values: Mapping[str, str]
    tokens: Mapping[Scope, str]

    def ask(self, bad: BadRequest) -> httpx.Response:
        """Sends a bad request."""
        method, path = bad.send.split(" ", 1)
        headers = {name: value.format(**self.values) for name, value in bad.headers.items()}
        if bad.scope is not None:
            headers["authorization"] = f"Bearer {self.tokens[bad.scope]}"
        return self.http.request(method, path.format(**self.values), content=bad.content, headers=headers)

    def ask_all(self) -> list[httpx.Response]:
        """Sends all bad requests, in the order of the groups."""
        return [self.ask(bad) for group in GROUPS.values() for bad in group]

    def without_values(self, text: str) -> str:
        """An answer with braces for what differs from run to run."""
        for name, value in self.values.items():
            text = text.replace(value, f"{{{name}}}")
        return text


@contextmanager
def asked_service(data_dir: Path, **settings: Any) -> Iterator[Asked]:
    """Serves until the end of the block."""
    limits = {"require_token": True, "max_body_seconds": MAX_BODY_SECONDS, "dataset_roots": "/srv/data"}
    with live_service(data_dir, **limits, **settings) as live:
        create = live.store.tokens.create
        tokens = {scope: str(create(f"for {scope}", scope)[1]) for scope in Scope}
        revoked, revoked_secret = create("revoked", Scope.READ)
        live.store.tokens.revoke(revoked.id)
        _, expired_secret = create("expired", Scope.READ, expires_in=timedelta(microseconds=1))
        live.http.headers["authorization"] = f"Bearer {tokens[Scope.ADMIN]}"
        study, running, cancelled = (str(live.create()["id"]) for _ in range(3))
        for _ in range(2):
            finished_trial(live.store, study)
        start_trial(live.store, running)
        live.http.post(f"/v1/studies/{cancelled}:cancel").raise_for_status()
        used = {"idempotency-key": "used"}
        live.http.post("/v1/studies", json={"target_runtime_ms": 80}, headers=used).raise_for_status()
        page = live.http.get("/v1/studies", params={"page_size": 1}).json()["next_page_token"]
        values = {
            "study": study,
            "running": running,
            "cancelled": cancelled,
            "page": page,
            "expired": str(expired_secret),
            "revoked": str(revoked_secret),
        }
        with httpx.Client(base_url=live.base_url, timeout=10) as http:
            yield Asked(live, http, values, tokens)


def page(asked: Asked, answers: Iterable[httpx.Response]) -> str:
    """The answers to all bad requests as a Markdown page."""
    remaining = iter(answers)
    lines = [_HEAD.format(count=sum(map(len, GROUPS.values())))]
    for title, group in GROUPS.items():
        lines += [
            f"## {title}",
            "",
            "| what | request | status | type | detail |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [_line(bad, asked.without_values(next(remaining).text)) for bad in group]
        lines.append("")
    return "\n".join(lines)


def _line(bad: BadRequest, answer_text: str) -> str:
    answer = json.loads(answer_text)
    kind = answer["type"].rpartition(":")[2]
    cells = (
        bad.why,
        _request(bad),
        str(answer["status"]),
        kind,
        _cell(answer["detail"]),
    )
    return f"| {' | '.join(cells)} |"


def _request(bad: BadRequest) -> str:
    shown = f"`{_cell(bad.send)}`"
    if bad.body is None:
        return shown
    text = repr(bad.body)[1:] if isinstance(bad.body, bytes) else json.dumps(bad.body, ensure_ascii=False)
    return f"{shown} `{_cell(text, _MAX_SHOWN_BODY)}`"


def _cell(text: str, longest: int = _MAX_SHOWN) -> str:
    """Text that a table's cell shows as it is."""
    shown = text if len(text) <= longest else f"{text[:longest]}..."
    shown = "".join(character if character.isprintable() else "?" for character in shown)
    return shown.replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    """Prints the page."""
    with tempfile.TemporaryDirectory(prefix="spnas-asked-") as folder, asked_service(Path(folder)) as asked:
        sys.stdout.write(page(asked, asked.ask_all()))


if __name__ == "__main__":
    main()
