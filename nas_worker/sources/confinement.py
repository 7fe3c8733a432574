"""What a data set may be read from, when its name comes from someone who must not read every file."""

import os
from dataclasses import dataclass
from pathlib import Path

from nas_worker.errors import DatasetError

_OPEN_FILES = Path("/proc/self/fd")


@dataclass(frozen=True)
class Confinement:
    """Folders that a data set must not leave, not by a symbolic link either, and whether it may be remote.

    Attributes:
        roots: The folders; None: every file may be read.
        allow_hub: Whether a data set may come from the Hugging Face hub.
    """

    roots: tuple[str, ...] | None = None
    allow_hub: bool = False

    def check(self, path: Path) -> Path:
        """The path, if it lies in one of the roots once all links in it are followed.

        Raises:
            DatasetError: It does not, or it has no meaning as a path.
        """
        if self.roots is not None:
            try:
                resolved = path.resolve()
            except (OSError, RuntimeError, ValueError) as error:  # a loop of links; a NUL
                raise DatasetError(f"{str(path)!r} is no path: {error}") from error
            self._check_resolved(path, resolved)
        return path

    def read(self, path: Path) -> bytes:
        """The bytes of a file. What counts is where the opened file lies, whatever the path leads to later.

        Raises:
            DatasetError: It does not lie in one of the roots.
            OSError: It cannot be read.
        """
        self.check(path)
        with path.open("rb") as file:
            if self.roots is not None:
                self._check_resolved(path, _opened_path(file.fileno(), path))
            return file.read()

    def _check_resolved(self, path: Path, resolved: Path) -> None:
        if not any(resolved.is_relative_to(Path(root).resolve()) for root in self.roots or ()):
            raise DatasetError(
                f"{path} lies outside the folders that data sets may be read from (SPNAS_DATASET_ROOTS)"
            )


UNCONFINED = Confinement(allow_hub=True)


def _opened_path(descriptor: int, path: Path) -> Path:
    """Where the file lies that a path was opened as.

    Raises:
        DatasetError: The path has come to lead to another file.
    """
    if _OPEN_FILES.is_dir():
        return (_OPEN_FILES / str(descriptor)).readlink()
    resolved = path.resolve()
    if not os.path.samestat(os.fstat(descriptor), os.lstat(resolved)):
        raise DatasetError(f"{path} was exchanged while it was read")
    return resolved
