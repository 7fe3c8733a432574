"""Each bad request gets the answer that the table says, on both databases; and the page shows the answers."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.service.api.asked import Asked, asked_service, page
from tests.service.api.bad_requests import GROUPS
from tests.service.api.conftest import database_settings
from tests.service.api.problems import assert_problem

PAGE = Path(__file__).parents[3] / "docs" / "bad-requests.md"
BAD_REQUESTS = [bad for group in GROUPS.values() for bad in group]

HOSTILE_NAMES = [
    "'; DROP TABLE studies; --",
    '"><script>alert(1)</script>',
    "<img src=x onerror=alert(1)>",
    "{{ 7 * 7 }} ${7*7} %s %(x)s {0}",
    "\u202eoverridden\u202c \u200b\ufeff",
    "Ж 中文 🦔 e\u0301",
    "a\r\nset-cookie: x=y",
    "../../etc/passwd",
    "null",
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    settings = database_settings(request.param, request)
    with asked_service(tmp_path_factory.mktemp("service"), **settings) as service:
        yield service


@pytest.fixture(scope="module")
def answers(asked: Asked) -> list[httpx.Response]:
    return asked.ask_all()


@pytest.mark.parametrize(
    "index", range(len(BAD_REQUESTS)), ids=lambda n: BAD_REQUESTS[n].why.replace(" ", "-")
)
def test_the_answer_says_what_is_wrong(answers: list[httpx.Response], index: int) -> None:
    bad, answer = BAD_REQUESTS[index], answers[index]
    problem = assert_problem(answer, bad.status, bad.code)
    assert bad.says in problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert len(problem["detail"]) < 600
    assert ("errors" in problem) == (bad.code in ("validation", "malformed-json"))


def test_none_of_them_did_anything(asked: Asked, answers: list[httpx.Response]) -> None:
    studies = asked.live.http.get("/v1/studies", params={"page_size": 200}).json()["studies"]
    assert {study["id"]: (study["state"], study["spent_epochs"]) for study in studies[1:]} == {
        asked.values["study"]: ("running", 16),
        asked.values["running"]: ("running", 0),
        asked.values["cancelled"]: ("cancelled", 0),
    }
    assert len(asked.live.http.get("/v1/platforms").json()["platforms"]) == 1


def test_the_page_shows_the_answers(asked: Asked, answers: list[httpx.Response]) -> None:
    shown = page(asked, answers)
    assert shown == PAGE.read_text("utf-8"), "write the page anew: see tests/service/api/asked.py"


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_names_are_only_text(asked: Asked, name: str) -> None:
    http = asked.live.http
    study = asked.live.create(name=name, notes=name, tags=[name])
    assert study["spec"]["name"] == name
    found = http.get("/v1/studies", params={"q": name}).json()["studies"]
    assert [each["id"] for each in found] == [study["id"]]
    for path in (f"/studies/{study['id']}", "/"):
        shown = http.get(path, headers={"accept": "text/html"})
        assert shown.status_code == 200
        assert "<script>alert" not in shown.text
        assert "<img src=x" not in shown.text
        assert "set-cookie" not in shown.headers
    assert http.post(f"/v1/studies/{study['id']}:cancel").status_code == 202
    assert http.delete(f"/v1/studies/{study['id']}").status_code == 204
