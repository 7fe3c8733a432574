"""The hash of sources changes with each of them, and with nothing else."""

from pathlib import Path

import pytest

from nas_worker.actor import SearchWorker
from nas_worker.versions import COMPUTING, software_versions, source_hash


def package(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return folder


FILES = {"__init__.py": "", "a.py": "x = 1\n", "inner/b.py": "y = 2\n"}


@pytest.mark.parametrize(
    "other",
    [
        FILES | {"a.py": "x = 2\n"},
        FILES | {"inner/b.py": "y = 3\n"},
        FILES | {"inner/__init__.py": ""},
        {"__init__.py": "", "a.py": "x = 1\n", "b.py": "y = 2\n"},
        {"__init__.py": "x = 1\n", "a.py": "", "inner/b.py": "y = 2\n"},
    ],
)
def test_every_change_of_the_sources_shows(tmp_path: Path, other: dict[str, str]) -> None:
    assert source_hash(package(tmp_path / "one", FILES)) != source_hash(package(tmp_path / "two", other))


def test_nothing_else_shows(tmp_path: Path) -> None:
    plain = source_hash(package(tmp_path / "one", FILES))
    assert plain == source_hash(
        package(tmp_path / "two", FILES | {"__pycache__/a.pyc": "?", "notes.md": "?"})
    )


def test_a_package_without_sources_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no Python files"):
        source_hash(tmp_path)


def test_all_that_computes_has_a_version() -> None:
    versions = software_versions()
    assert all(versions[name] for name in COMPUTING)
    assert versions is software_versions()


def test_a_worker_says_the_same_as_the_service_that_has_the_same_code() -> None:
    assert SearchWorker().info().versions == software_versions()
