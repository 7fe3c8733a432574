"""Which files a data set may lie in, when its name comes from someone who must not read every file."""

from dataclasses import dataclass
from pathlib import Path

from nas_worker.errors import DatasetError


@dataclass(frozen=True)
class Confinement:
    """Folders that a data set must not leave, not by a symbolic link either.

    Attributes:
        roots: The folders; None: every file may be read.
    """

    roots: tuple[str, ...] | None = None

    def check(self, path: Path) -> Path:
        """The path, if it lies in one of the roots once all links in it are followed.

        Raises:
            DatasetError: It does not, or it has no meaning as a path.
        """
        if self.roots is None:
            return path
        try:
            resolved = path.resolve()
            roots = [Path(root).resolve() for root in self.roots]
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links; a NUL
            raise DatasetError(f"{str(path)!r} is no path: {error}") from error
        if not any(resolved.is_relative_to(root) for root in roots):
            raise DatasetError(
                f"{path} lies outside the folders that data sets may be read from (SPNAS_DATASET_ROOTS)"
            )
        return path


UNCONFINED = Confinement()
