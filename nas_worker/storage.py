"""Where checkpoints lie: in a folder of this machine, or on a storage that fsspec knows, as in s3://bucket/folder.

A location is a path, or a URL of fsspec's. What storages have in common is small: files are written whole or
not at all, read, listed and removed. Object stores have no folders; one is there while something is in it.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from nas_worker.atomic import write_bytes

_RETRY_SECONDS = (1.0, 2.0, 4.0)


class Storage(Protocol):
    """Files and folders by their locations. What is not there is told by FileNotFoundError or as empty.

    Every method raises OSError if the storage fails.
    """

    def read(self, location: str) -> bytes:
        """All bytes of a file."""

    def write(self, location: str, *parts: bytes | memoryview) -> None:
        """Writes the parts, one after the other, so that the file is there whole or not at all."""

    def files(self, folder: str) -> list[str]:
        """Names of the files that lie directly in a folder."""

    def folders(self, folder: str) -> list[str]:
        """Names of the folders that lie directly in a folder."""

    def remove(self, location: str) -> None:
        """Removes a file, if it is there."""

    def remove_folder(self, folder: str) -> bool:
        """Removes a folder with all that is in it. Returns whether there was one."""


def storage_of(location: str | Path) -> Storage:
    """The storage that a location is on."""
    return FsspecStorage() if is_url(str(location)) else LocalStorage()


def is_url(location: str) -> bool:
    """Whether a location is a URL rather than a path."""
    return "://" in location


def join(folder: str | Path, *names: str) -> str:
    """The location of something in a folder."""
    if is_url(str(folder)):
        return "/".join([str(folder).rstrip("/"), *names])
    return str(Path(folder, *names))


def name_of(location: str) -> str:
    """The last part of a location."""
    return location.rstrip("/").rpartition("/")[2]


def checked_location(location: str) -> str:
    """A location as it is used: an absolute path, also for file://, or a URL without a slash at its end.

    Raises:
        ValueError: The URL is of no storage that fsspec knows here, or carries a password. The message says
            what to do.
    """
    if not is_url(location):
        return str(Path(location).resolve())
    parts = urlsplit(location)
    if parts.scheme == "file":
        return str(Path(unquote(parts.path)).resolve())
    if parts.password:
        raise ValueError(
            "must not carry a password: it is stored with every epoch; see fsspec for other ways"
        )
    import fsspec  # noqa: PLC0415 - takes 50 ms to import, and few need it

    try:
        fsspec.get_filesystem_class(parts.scheme)
    except ImportError as error:
        raise ValueError(f"is on a storage whose package is not installed: {error}") from error
    except ValueError as error:
        raise ValueError(f"is on no storage that fsspec knows: {error}") from error
    return location.rstrip("/")


class LocalStorage:
    """Folders of this machine, network drives among them."""

    def read(self, location: str) -> bytes:
        """All bytes of a file."""
        return Path(location).read_bytes()

    def write(self, location: str, *parts: bytes | memoryview) -> None:
        """Under another name, renamed when it is on the disk; see :func:`nas_worker.atomic.write_bytes`."""
        write_bytes(Path(location), *parts)

    def files(self, folder: str) -> list[str]:
        """Names of the files that lie directly in a folder."""
        return [path.name for path in _entries(folder) if not path.is_dir()]

    def folders(self, folder: str) -> list[str]:
        """Names of the folders that lie directly in a folder."""
        return [path.name for path in _entries(folder) if path.is_dir()]

    def remove(self, location: str) -> None:
        """Removes a file, if it is there."""
        Path(location).unlink(missing_ok=True)

    def remove_folder(self, folder: str) -> bool:
        """Removes a folder with all that is in it. Returns whether there was one."""
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:  # of a file in it too, when a worker is at work there
            return Path(folder).exists()
        return True


class FsspecStorage:
    """Storages by URL. Their errors, of many kinds, are raised as OSError."""

    def read(self, location: str) -> bytes:
        """All bytes of a file."""
        with _opened(location) as (fs, path):
            return bytes(fs.cat_file(path))

    def write(self, location: str, *parts: bytes | memoryview) -> None:
        """Under another name, then moved. Tried again with waits of 1, 2 and 4 s: networks have hiccups."""
        content = b"".join(parts)

        def put() -> None:
            with _opened(location) as (fs, path):
                partial = f"{path}.{uuid4().hex}.partial"
                fs.makedirs(path.rpartition("/")[0], exist_ok=True)
                fs.pipe_file(partial, content)
                fs.mv(partial, path)

        _retried(put)

    def files(self, folder: str) -> list[str]:
        """Names of the files that lie directly in a folder."""
        return _names(folder, "file")

    def folders(self, folder: str) -> list[str]:
        """Names of the folders that lie directly in a folder."""
        return _names(folder, "directory")

    def remove(self, location: str) -> None:
        """Removes a file, if it is there."""
        with _opened(location) as (fs, path):
            try:
                fs.rm_file(path)
            except FileNotFoundError:
                return

    def remove_folder(self, folder: str) -> bool:
        """Removes a folder with all that is in it. Returns whether there was one."""
        with _opened(folder) as (fs, path):
            if not fs.exists(path):
                return False
            try:
                fs.rm(path, recursive=True)
            except FileNotFoundError:
                return bool(fs.exists(path))
        return True


@contextmanager
def _opened(location: str) -> Iterator[tuple[Any, str]]:
    """The file system of a URL and the path on it, without what it remembers of listings."""
    from fsspec.core import url_to_fs  # noqa: PLC0415 - as above

    try:
        fs, path = url_to_fs(location)
        fs.invalidate_cache()
        yield fs, path
    except OSError:
        raise
    except Exception as error:  # each storage's library has errors of its own
        raise OSError(f"{type(error).__name__}: {error}") from error


def _names(folder: str, kind: str) -> list[str]:
    with _opened(folder) as (fs, path):
        try:
            found = fs.ls(path, detail=True)
        except FileNotFoundError:
            return []
        # Some object stores list the folder itself as one that is in it.
        return [name_of(entry["name"]) for entry in found if entry["type"] == kind and entry["name"] != path]


def _entries(folder: str) -> list[Path]:
    try:
        return [*Path(folder).iterdir()]
    except FileNotFoundError:
        return []


def _retried(call: Callable[[], None]) -> None:
    for wait_seconds in _RETRY_SECONDS:
        try:
            return call()
        except OSError:
            time.sleep(wait_seconds)
    return call()
