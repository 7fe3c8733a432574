"""What docker-compose.yml and the Kubernetes manifest run, and checks of single commands."""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer.main
import yaml
from ray.scripts.scripts import cli as ray_cli

from service.cli.app import app
from service.settings import Settings

ROOT = Path(__file__).parents[2]
OWN_IMAGE = "spnas-tuner"
HEAD_PORT = 6379


@dataclass(frozen=True, slots=True)
class Container:
    """A container.

    Attributes:
        name: Of the container.
        image: That it runs.
        argv: Program and arguments; none: the image's own.
        environment: Values by name; "" where a secret holds the value.
        check: Argument list of the check of its health; none: there is none, or it is no command.
    """

    name: str
    image: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    check: tuple[str, ...]


@cache
def compose() -> dict[str, Any]:
    """The compose file, with anchors and merges resolved and variables as they are written."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return content


def compose_container(name: str) -> Container:
    """A service of the compose file."""
    service = compose()["services"][name]
    test = service.get("healthcheck", {}).get("test", ["CMD"])
    assert test[0] == "CMD", "without a shell, which not every image has"
    return Container(
        name,
        service["image"],
        (*service.get("entrypoint", ()), *service.get("command", ())),
        service.get("environment", {}),
        tuple(test[1:]),
    )


@cache
def manifests() -> tuple[dict[str, Any], ...]:
    """The objects of the Kubernetes manifest."""
    return tuple(yaml.safe_load_all((ROOT / "docker/kubernetes/spnas.yaml").read_text()))


def manifest(kind: str) -> dict[str, Any]:
    """The only object of a kind."""
    (found,) = [each for each in manifests() if each["kind"] == kind]
    return found


def pod_templates() -> dict[str, dict[str, Any]]:
    """The templates of all pods, by what makes them."""
    ray = manifest("RayCluster")["spec"]
    return {
        "head": ray["headGroupSpec"]["template"],
        **{group["groupName"]: group["template"] for group in ray["workerGroupSpecs"]},
        "job": manifest("Job")["spec"]["template"],
        "service": manifest("Deployment")["spec"]["template"],
    }


def pod_container(pod: str) -> dict[str, Any]:
    """The only container of a pod, as it is written."""
    container: dict[str, Any]
    (container,) = pod_templates()[pod]["spec"]["containers"]
    return container


def pod_environment(pod: str) -> dict[str, str]:
    """Values by name; "" where a secret holds the value."""
    return {each["name"]: each.get("value", "") for each in pod_container(pod).get("env", [])}


def check_variables(environment: Mapping[str, str]) -> None:
    """Every variable is one of the service's settings, of Ray's for tokens, or of PostgreSQL's image."""
    known = {f"SPNAS_{name.upper()}" for name in Settings.model_fields}
    for name in environment:
        if name.startswith("SPNAS_"):
            assert name in known, f"{name} is no setting"
        else:
            assert name in {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN"} or name.startswith("POSTGRES_"), name


def check_command(argv: Sequence[str]) -> None:
    """The program is one that the image has, and takes these arguments."""
    program, *arguments = argv
    match program:
        case "spnas":
            _parse(typer.main.get_command(app), arguments)
        case "serve-on-cluster":
            assert (ROOT / "docker/serve-on-cluster").stat().st_mode & 0o111
            _parse(typer.main.get_command(app), ["serve", *arguments])
        case "ray":
            _parse(ray_cli, arguments)
        case "test":
            assert arguments[0] == "-S"  # a socket
        case "python" if arguments[0] == "-m":
            assert importlib.util.find_spec(arguments[1]) is not None
        case "python":
            flag, code = arguments
            assert flag == "-c"
            compile(code, "check", "exec")
        case _:
            raise AssertionError(f"the image has no program {program}")


def _parse(command: Any, arguments: Sequence[str]) -> None:
    name, *rest = arguments
    command.commands[name].make_context(name, list(rest))
