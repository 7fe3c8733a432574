import pytest

from tests.service.api.problems import assert_problem
from tests.service.live import Live, live_service

BODY = {"target_runtime_ms": 80}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "[", "[::1"]
)
def test_other_names_of_this_machine_are_refused(shared: Live, host: str) -> None:
    assert_problem(shared.http.get("/v1/studies", headers={"host": host}), 400, "unknown-host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:8080"])
def test_its_own_names_are_not(shared: Live, host: str) -> None:
    assert shared.http.get("/v1/studies", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:1"},
    ],
)
def test_pages_of_other_sites_change_nothing(shared: Live, headers: dict[str, str]) -> None:
    study = shared.create()
    for method, path in [("POST", ":pause"), ("DELETE", "")]:
        response = shared.http.request(method, f"/v1/studies/{study['id']}{path}", headers=headers)
        assert_problem(response, 403, "cross-origin")
    assert shared.http.get(f"/v1/studies/{study['id']}", headers=headers).json() == study


def test_its_own_pages_do(shared: Live) -> None:
    for headers in (
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"origin": shared.base_url},
    ):
        assert shared.http.post("/v1/studies", json=BODY, headers=headers).status_code == 201


def test_no_other_site_may_read_unless_told(shared: Live, tmp_path_factory: pytest.TempPathFactory) -> None:
    friend = {"origin": "https://friend.example"}
    assert "access-control-allow-origin" not in shared.http.get("/v1/studies", headers=friend).headers
    with live_service(tmp_path_factory.mktemp("service"), cors_origins="https://friend.example") as live:
        response = live.http.post("/v1/studies", json=BODY, headers=friend | {"sec-fetch-site": "cross-site"})
        assert response.status_code == 201
        assert response.headers["access-control-allow-origin"] == "https://friend.example"
        asked = friend | {
            "access-control-request-method": "PATCH",
            "access-control-request-headers": "if-match",
        }
        assert live.http.options("/v1/studies/x", headers=asked).status_code == 200
        foe = {"origin": "https://foe.example"}
        assert "access-control-allow-origin" not in live.http.get("/v1/studies", headers=foe).headers
        assert_problem(live.http.post("/v1/studies", json=BODY, headers=foe), 403, "cross-origin")


@pytest.mark.parametrize("path", ["/v1/studies", "/v1/nothing", "/docs", "/", "/healthz"])
def test_security_headers(shared: Live, path: str) -> None:
    headers = shared.http.get(path, headers={"accept": "text/html"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
