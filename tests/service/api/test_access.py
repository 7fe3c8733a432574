import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from service.api.access import required_scope
from service.domain.access import COOKIE, Scope
from tests.service.api.problems import assert_problem
from tests.service.live import Live, live_service


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service that asks for tokens."""
    with live_service(tmp_path_factory.mktemp("service"), require_token=True) as live:
        yield live


def token(live: Live, scope: Scope, **options: timedelta) -> str:
    return str(live.store.tokens.create(f"a {scope} token", scope, **options)[1])


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


READS = [
    "/v1/studies",
    "/v1/platforms",
    "/v1/solvers",
    "/v1/studies/x/events",
    "/v1/nothing",
    "/metrics",
    "/",
    "/x",
]


@pytest.mark.parametrize("path", READS)
def test_nothing_is_shown_without_a_token(guarded: Live, path: str) -> None:
    problem = assert_problem(guarded.http.get(path), 401, "unauthorized")
    assert "Authorization: Bearer" in problem["detail"]
    assert guarded.http.get(path).headers["www-authenticate"] == 'Bearer realm="spnas"'
    assert guarded.http.get(path, headers=bearer(token(guarded, Scope.READ))).status_code in (200, 404)


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/docs", "/docs/style.css", "/openapi.json", "/login"]
)
def test_what_everybody_may_see(guarded: Live, path: str) -> None:
    assert guarded.http.get(path).status_code == 200


def test_scopes(guarded: Live) -> None:
    read, write, admin = (token(guarded, scope) for scope in Scope)
    body = {"target_runtime_ms": 80}

    def create(text: str) -> httpx.Response:
        return guarded.http.post("/v1/studies", json=body, headers=bearer(text))

    problem = assert_problem(create(read), 403, "forbidden")
    assert problem["detail"] == "this needs the scope write; the token 'a read token' has read"
    study = create(write).json()
    assert create(admin).status_code == 201
    for method, path in [("PATCH", ""), ("DELETE", ""), ("POST", ":pause"), ("POST", ":cancel")]:
        url = f"/v1/studies/{study['id']}{path}"
        assert_problem(guarded.http.request(method, url, json={}, headers=bearer(read)), 403, "forbidden")
        assert_problem(guarded.http.request(method, url, json={}), 401, "unauthorized")
    table = guarded.http.get("/v1/platforms/pixel1", headers=bearer(read)).json() | {"name": "mine"}
    put = {scope: bearer(text) for scope, text in [("write", write), ("admin", admin)]}
    assert_problem(guarded.http.put("/v1/platforms/mine", json=table, headers=put["write"]), 403, "forbidden")
    assert guarded.http.put("/v1/platforms/mine", json=table, headers=put["admin"]).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Basic dTpw",
        "Bearer spnas_000000000000_" + "A" * 43,
        "Bearer x y",
        "Bearer " + "x" * 5000,
    ],
)
def test_headers_that_are_no_token(guarded: Live, header: str) -> None:
    assert_problem(guarded.http.get("/v1/studies", headers={"authorization": header}), 401, "unauthorized")


def test_revoked_and_expired_tokens_are_refused(guarded: Live) -> None:
    record, secret = guarded.store.tokens.create("to be revoked", Scope.READ)
    assert guarded.http.get("/v1/studies", headers=bearer(str(secret))).status_code == 200
    guarded.store.tokens.revoke(record.id)
    refused = guarded.http.get("/v1/studies", headers=bearer(str(secret)))
    assert "revoked" in assert_problem(refused, 401, "unauthorized")["detail"]
    expired = token(guarded, Scope.READ, expires_in=timedelta(microseconds=1))
    time.sleep(0.002)  # SQLite's clock ticks in milliseconds
    assert_problem(guarded.http.get("/v1/studies", headers=bearer(expired)), 401, "unauthorized")


def test_a_token_may_make_so_many_requests(tmp_path_factory: pytest.TempPathFactory) -> None:
    with live_service(tmp_path_factory.mktemp("service"), require_token=True, requests_per_minute=5) as live:
        eager, other = (bearer(token(live, Scope.READ)) for _ in range(2))
        statuses = [live.http.get("/v1/solvers", headers=eager).status_code for _ in range(7)]
        assert statuses[:5] == [200] * 5
        assert statuses[-1] == 429
        response = live.http.get("/v1/solvers", headers=eager)
        assert_problem(response, 429, "rate-limited")
        assert 1 <= int(response.headers["retry-after"]) <= 12
        assert live.http.get("/v1/solvers", headers=other).status_code == 200


def test_the_document_says_how_to_log_in(guarded: Live) -> None:
    document = guarded.http.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    create = document["paths"]["/v1/studies"]["post"]
    assert create["security"] == [{"token": []}]
    assert "scope `write`" in create["description"]
    assert {"401", "403", "429"} <= create["responses"].keys()
    assert "security" not in document["paths"]["/healthz"]["get"]


def test_browsers_are_sent_to_the_log_in_and_back(guarded: Live) -> None:
    secret = token(guarded, Scope.READ)
    html = {"accept": "text/html"}
    with httpx.Client(base_url=guarded.base_url) as browser:
        response = browser.get("/compare?a=1", headers=html)
        assert response.status_code == 303
        assert response.headers["location"] == "/login?next=%2Fcompare%3Fa%3D1"
        form = browser.get(response.headers["location"], headers=html)
        assert 'value="/compare?a=1"' in form.text
        wrong = browser.post("/login", data={"token": "spnas_x", "next": "/"}, headers=html)
        assert wrong.status_code == 401
        assert "unknown, expired or revoked" in wrong.text
        response = browser.post("/login", data={"token": f" {secret} ", "next": "/compare?a=1"})
        assert (response.status_code, response.headers["location"]) == (303, "/compare?a=1")
        cookie = response.headers["set-cookie"].lower()
        assert cookie.startswith(f"{COOKIE}={secret}".lower())
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert browser.get("/", headers=html).status_code == 200
        assert browser.get("/v1/studies").status_code == 200
        assert_problem(browser.post("/v1/studies", json={"target_runtime_ms": 80}), 403, "forbidden")
        assert browser.post("/logout").headers["location"] == "/login"
        assert browser.get("/", headers=html).status_code == 303


@pytest.mark.parametrize(
    "destination", ["https://evil.example", "//evil.example", "/\\evil.example", "x", "/a\r\nb"]
)
def test_the_log_in_leads_nowhere_else(guarded: Live, destination: str) -> None:
    data = {"token": token(guarded, Scope.READ), "next": destination}
    with httpx.Client(base_url=guarded.base_url) as browser:
        assert browser.post("/login", data=data).headers["location"] == "/"


def test_nobody_logs_in_where_nobody_has_to(shared: Live) -> None:
    response = shared.http.get("/login?next=/compare")
    assert (response.status_code, response.headers["location"]) == (303, "/compare")


def test_every_change_needs_more_than_reading() -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "ANYTHING"):
        for path in ("/", "/v1/studies", "/v1/new", "/studies/check"):
            assert required_scope(method, path) is Scope.WRITE
    assert required_scope("PUT", "/v1/platforms/x") is Scope.ADMIN
