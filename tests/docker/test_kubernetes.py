"""The Kubernetes manifest, as far as it can be checked without a cluster."""

from typing import Any

import pytest
import ray
from ray.scripts.scripts import cli as ray_cli

from service.api import health
from service.settings import Settings
from tests.docker.containers import (
    HEAD_PORT,
    OWN_IMAGE,
    check_command,
    check_variables,
    manifest,
    manifests,
    pod_container,
    pod_environment,
    pod_templates,
)

PODS = sorted(pod_templates())
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def test_what_a_deployment_needs_is_there() -> None:
    kinds = ["PersistentVolumeClaim", "RayCluster", "Job", "Deployment", "Service"]
    assert [each["kind"] for each in manifests()] == kinds


@pytest.mark.parametrize("pod", PODS)
def test_pods_have_few_rights(pod: str) -> None:
    security = pod_templates()[pod]["spec"]["securityContext"]
    assert security["runAsNonRoot"]
    assert security["runAsUser"] == 10001
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    own = pod_container(pod)["securityContext"]
    assert own["readOnlyRootFilesystem"]
    assert not own["allowPrivilegeEscalation"]
    assert own["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("pod", PODS)
def test_variables_are_known_and_commands_resolve(pod: str) -> None:
    container = pod_container(pod)
    assert container["image"] == OWN_IMAGE
    check_variables(pod_environment(pod))
    if "command" in container:
        check_command([*container["command"], *container.get("args", [])])
    for probe in (container[name] for name in PROBES if name in container):
        if "exec" in probe:
            check_command(probe["exec"]["command"])
        else:
            paths = {route.path for route in health.router.routes if hasattr(route, "path")}
            assert probe["httpGet"]["path"] in paths
            assert probe["httpGet"]["port"] in {port["name"] for port in container["ports"]}


@pytest.mark.parametrize("pod", PODS)
def test_volumes_that_are_mounted_are_there(pod: str) -> None:
    volumes = {volume["name"]: volume for volume in pod_templates()[pod]["spec"].get("volumes", [])}
    assert {mount["name"] for mount in pod_container(pod).get("volumeMounts", [])} == volumes.keys()
    for volume in volumes.values():
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        assert claim in (None, manifest("PersistentVolumeClaim")["metadata"]["name"])


def test_the_cluster_is_of_the_installed_version_and_asks_for_a_token() -> None:
    spec = manifest("RayCluster")["spec"]
    assert spec["rayVersion"] == ray.__version__
    assert spec["authOptions"] == {"mode": "token"}
    options = {name for parameter in ray_cli.commands["start"].params for name in parameter.opts}
    groups: list[dict[str, Any]] = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    for group in groups:
        assert {f"--{name}" for name in group["rayStartParams"]} <= options


def test_the_replicas_find_the_cluster_and_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = manifest("RayCluster")["metadata"]["name"]
    environment = {each["name"]: each for each in pod_container("service")["env"]}
    assert environment["RAY_AUTH_TOKEN"]["valueFrom"]["secretKeyRef"] == {
        "name": cluster,
        "key": "auth_token",
    }
    assert environment["RAY_AUTH_MODE"]["value"] == "token"
    for name, value in pod_environment("service").items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.ray_address == f"{cluster}-head-svc:{HEAD_PORT}"
    mounts = {mount["mountPath"] for mount in pod_container("service")["volumeMounts"]}
    assert any(settings.effective_checkpoint_dir.startswith(f"{path}/") for path in mounts)


def test_requests_reach_the_replicas() -> None:
    deployment, service = manifest("Deployment")["spec"], manifest("Service")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"].items() <= labels.items()
    assert service["selector"].items() <= labels.items()
    assert service["ports"][0]["targetPort"] in {port["name"] for port in pod_container("service")["ports"]}
    assert deployment["replicas"] >= 2
