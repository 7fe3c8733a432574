"""A folder of this machine, and file systems of fsspec's: one on the disk, one like an object store."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from nas_worker.storage import checked_location, is_url, join, name_of, storage_of


@pytest.fixture(params=["path", "local", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    match request.param:
        case "path":
            yield str(tmp_path)
        case "local":
            yield f"local://{tmp_path}"
        case _:
            url = f"memory://{uuid4().hex}"
            yield url
            fs = fsspec.filesystem("memory")
            if fs.exists(url):
                fs.rm(url, recursive=True)


def test_what_is_written_is_read_and_listed(root: str) -> None:
    files = storage_of(root)
    folder = join(root, "study", "trial-0")
    for name in ("epoch-1", "epoch-2"):
        files.write(join(folder, name), b"digest", memoryview(name.encode()))
    assert files.read(join(folder, "epoch-2")) == b"digestepoch-2"
    assert sorted(files.files(folder)) == ["epoch-1", "epoch-2"]
    assert files.folders(folder) == []
    assert (files.files(root), files.folders(root)) == ([], ["study"])
    files.write(join(folder, "epoch-2"), b"again")
    assert files.read(join(folder, "epoch-2")) == b"again"


def test_what_is_not_there_is_empty_or_named(root: str) -> None:
    files = storage_of(root)
    gone = join(root, "gone")
    assert (files.files(gone), files.folders(gone)) == ([], [])
    with pytest.raises(FileNotFoundError):
        files.read(gone)
    files.remove(gone)
    assert not files.remove_folder(gone)


def test_what_is_removed_is_gone(root: str) -> None:
    files = storage_of(root)
    folder = join(root, "study")
    for name in ("a", "b"):
        files.write(join(folder, "trial", name), b"")
    files.remove(join(folder, "trial", "a"))
    assert files.files(join(folder, "trial")) == ["b"]
    assert files.remove_folder(folder)
    assert not files.remove_folder(folder)
    assert files.folders(root) == []


class Failing:
    """Lets the first calls of a method fail."""

    def __init__(self, method: Callable[..., Any], error: Exception, times: int) -> None:
        self.method, self.error, self.left = method, error, times

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.left == 0:
            return self.method(*args, **kwargs)
        self.left -= 1
        raise self.error


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long a storage would have waited."""
    waited: list[float] = []
    monkeypatch.setattr("nas_worker.storage.time.sleep", waited.append)
    return waited


@pytest.mark.parametrize("part", ["pipe_file", "mv"])
def test_a_write_cut_short_leaves_the_earlier_file(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    """Also where the storage's library raises errors that are no OSError."""
    location = f"local://{tmp_path}/epoch-1"
    files = storage_of(location)
    files.write(location, b"earlier")
    failing = Failing(getattr(LocalFileSystem, part), RuntimeError("no connection"), times=99)
    with monkeypatch.context() as patch:
        patch.setattr(LocalFileSystem, part, failing)
        with pytest.raises(OSError, match="RuntimeError: no connection"):
            files.write(location, b"later")
    assert files.read(location) == b"earlier"
    assert waits == [1, 2, 4]


def test_a_hiccup_of_the_storage_is_outlived(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    location = f"memory://{uuid4().hex}/epoch-1"
    fs = fsspec.filesystem("memory")
    monkeypatch.setattr(
        MemoryFileSystem, "pipe_file", Failing(fs.pipe_file, ConnectionError("reset"), times=3)
    )
    storage_of(location).write(location, b"content")
    assert storage_of(location).read(location) == b"content"
    assert waits == [1, 2, 4]


def test_locations_are_joined_and_taken_apart() -> None:
    assert join("s3://bucket/spnas/", "study", "trial-0") == "s3://bucket/spnas/study/trial-0"
    assert join(Path("/data"), "study", "trial-0") == "/data/study/trial-0"
    assert name_of("s3://bucket/spnas/epoch-1") == name_of("/data/epoch-1") == "epoch-1"
    assert is_url("s3://bucket")
    assert not is_url("/data/s3:/bucket")


def test_a_location_of_this_machine_is_an_absolute_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert checked_location("here") == str(tmp_path / "here")
    assert checked_location("file:///data/my%20checkpoints/") == "/data/my checkpoints"
    assert checked_location("memory://root/") == "memory://root"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("nothing://bucket", "no storage that fsspec knows: Protocol not known: nothing"),
        ("sftp://me:secret@host/checkpoints", "must not carry a password"),
    ],
)
def test_a_location_that_cannot_be_used_is_refused(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as refused:
        checked_location(url)
    assert "secret" not in str(refused.value)


def test_a_storage_whose_package_is_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(protocol: str) -> None:
        raise ImportError(f"Install {protocol}fs to access {protocol}")

    monkeypatch.setattr(fsspec, "get_filesystem_class", missing)
    with pytest.raises(ValueError, match="package is not installed: Install s3fs"):
        checked_location("s3://bucket")
