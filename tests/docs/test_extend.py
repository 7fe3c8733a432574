"""docs/extend.md is followed to the letter in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nas_worker.platform import load_platform
from tests.docs.lines import ROOT, blocks

PAGE = ROOT / "docs" / "extend.md"
COPIED = ("service", "solver", "nas_worker", "migrations", "tests", "pyproject.toml")
TINY = ("--epochs", "1", "--set", "max_train_images=64", "--set", "width=0.05")


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project to which everything on the page has been added."""
    copy = tmp_path_factory.mktemp("project")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    for block in blocks(PAGE, "python"):
        path = re.match(r"# (\S+)\n", block)
        assert path, block
        (copy / path[1]).write_text(block[path.end() :], "utf-8")
    for block in blocks(PAGE, "diff"):
        subprocess.run(["git", "apply"], input=block, text=True, cwd=copy, check=True)
    platform = load_platform("pixel1").model_copy(update={"name": "mine"})
    (copy / "nas_worker" / "platforms" / "mine.json").write_text(platform.to_json(), "utf-8")
    return copy


def ran(project: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project), "SPNAS_PORT": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def spnas(project: Path, *words: str) -> str:
    return ran(project, "-c", "from service.cli import main; main()", *words)


@pytest.mark.slow
def test_the_solver_does_what_every_solver_must(extended: Path) -> None:
    tests = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/solver/test_conformance.py")
    assert " passed" in ran(extended, *tests, "-k", "quasi_random")
    created = spnas(extended, "study", "create", "--target", "80", "--solver", "quasi_random", "--no-watch")
    assert '"kind": "quasi_random"' in spnas(extended, "study", "show", created.strip(), "--json")


@pytest.mark.slow
def test_the_platform_and_the_data_set_are_there(extended: Path) -> None:
    line = ("search", "--lambda", "1", "--dataset", "noisy_digits", "--platform", "mine", *TINY)
    assert "accuracy" in spnas(extended, *line)
    tests = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/nas_worker/test_platform.py")
    assert " passed" in ran(extended, *tests)
    created = spnas(extended, "study", "create", "--target", "80", "--platform", "mine", "--no-watch")
    assert created.strip()


@pytest.mark.slow
def test_types_and_style_hold(extended: Path) -> None:
    added = [str(path) for path in ("solver/quasi_random.py", "nas_worker/datasets/noisy_digits.py")]
    ran(extended, "-m", "ruff", "check", *added)
    ran(extended, "-m", "ruff", "format", "--check", *added)
