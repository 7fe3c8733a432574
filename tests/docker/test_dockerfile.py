"""The image installs what the Makefile installs, by the same script, and does not run as root."""

import re
import tomllib

from tests.docker.containers import ROOT

DOCKERFILE = (ROOT / "docker/Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_it_installs_as_the_makefile_does() -> None:
    script = "packaging/install.sh"
    (step,) = [
        line
        for line in DOCKERFILE.splitlines()
        if line.startswith("RUN") and "pip" not in line and script in line
    ]
    assert step.startswith(f'RUN {script} python "$EXTRAS"')
    assert f"{script} $(BIN)/python" in (ROOT / "Makefile").read_text()
    assert "pip install" not in DOCKERFILE


def test_all_that_the_package_is_made_of_is_copied() -> None:
    copied = {source for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.M) for source in line.split()[:-1]}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored
    assert set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) < copied
    assert {"pyproject.toml", "constraints.txt", PROJECT["project"]["readme"], "packaging"} < copied


def test_extras_of_the_image_are_extras_of_the_project() -> None:
    (comment,) = re.findall(r"# Optional parts.*", DOCKERFILE)
    named = re.findall(r"(\w+) \(", comment)
    assert named
    assert set(named) <= PROJECT["project"]["optional-dependencies"].keys()


def test_it_runs_the_service_and_not_as_root() -> None:
    assert 'ENTRYPOINT ["spnas"]' in DOCKERFILE
    assert "spnas" in PROJECT["project"]["scripts"]
    user = re.findall(r"^USER (\d+)$", DOCKERFILE, re.M)
    assert user == ["10001"]
    assert f"useradd --create-home --uid {user[0]}" in DOCKERFILE
