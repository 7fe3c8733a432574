"""The compose file without an engine. tests/e2e/test_compose.py runs its commands."""

import re

import pytest

from service.settings import Settings
from tests.docker.containers import (
    HEAD_PORT,
    OWN_IMAGE,
    ROOT,
    check_command,
    check_variables,
    compose,
    compose_container,
)

SERVICES = sorted(compose()["services"])
OWN = [name for name in SERVICES if compose_container(name).image == OWN_IMAGE]
REPLICAS = ["service-a", "service-b"]


def test_what_a_deployment_needs_is_there() -> None:
    assert set(SERVICES) == {"postgres", "migrate", "ray-head", "ray-worker", *REPLICAS, "proxy"}


@pytest.mark.parametrize("name", SERVICES)
def test_containers_have_few_rights(name: str) -> None:
    service = compose()["services"][name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["image"] == OWN_IMAGE or service["user"] not in ("0", "root")  # test_dockerfile: own image
    assert "privileged" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_variables_are_known_and_commands_resolve(name: str) -> None:
    container = compose_container(name)
    check_variables(container.environment)
    if container.image == OWN_IMAGE:
        check_command(container.argv)
        if container.check:
            check_command(container.check)


@pytest.mark.parametrize("name", SERVICES)
def test_whatever_goes_on_running_is_checked(name: str) -> None:
    service = compose()["services"][name]
    assert ("healthcheck" in service) == (service["restart"] != "no")


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_referred_to_is_there(name: str) -> None:
    service, all_of_it = compose()["services"][name], compose()
    depends_on = service.get("depends_on", {})
    for other in depends_on:
        assert other in all_of_it["services"]
        if isinstance(depends_on, dict) and depends_on[other]["condition"] == "service_healthy":
            assert "healthcheck" in all_of_it["services"][other]
    for volume in service.get("volumes", ()):
        source = volume.partition(":")[0]
        assert source in all_of_it["volumes"] or (ROOT / source).exists()
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:")


def test_the_replicas_settings_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in REPLICAS:
        for variable, value in compose_container(name).environment.items():
            monkeypatch.setenv(variable, value)
        settings = Settings()
        assert settings.ray_address == f"ray-head:{HEAD_PORT}"
        volumes = {volume.partition(":")[2] for volume in compose()["services"][name]["volumes"]}
        assert any(settings.effective_checkpoint_dir.startswith(f"{path}/") for path in volumes)


def test_all_who_use_checkpoints_share_their_volume() -> None:
    for name in ("ray-worker", *REPLICAS):
        assert "checkpoints:/var/lib/spnas" in compose()["services"][name]["volumes"]


def test_secrets_must_be_chosen() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for variable in ("POSTGRES_PASSWORD", "RAY_AUTH_TOKEN"):
        uses = re.findall(rf"\$\{{{variable}(.*?)\}}", text)
        assert uses
        assert all(use.startswith(":?") for use in uses)


def test_the_proxy_knows_both_replicas_and_asks_whether_they_are_ready() -> None:
    caddyfile = (ROOT / "docker/Caddyfile").read_text()
    (upstreams,) = re.findall(r"reverse_proxy (.*) \{", caddyfile)
    assert upstreams.split() == [f"{name}:8080" for name in REPLICAS]
    assert "health_uri /readyz" in caddyfile
    assert "./docker/Caddyfile:/etc/caddy/Caddyfile:ro" in compose()["services"]["proxy"]["volumes"]
