"""A folder of class folders, with or without a folder for each split above them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas_worker.errors import DatasetError
from nas_worker.sources.confinement import Confinement
from nas_worker.sources.listing import Listing
from nas_worker.sources.splitting import Role, role_of

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")


@dataclass(frozen=True)
class FolderImages:
    """Image files.

    Attributes:
        root: The data set's folder.
        paths: Of the files, from there.
        sizes: Of the files in bytes.
        confinement: Where they must lie.
    """

    root: Path
    paths: Sequence[str]
    sizes: Sequence[int]
    confinement: Confinement

    def read(self, index: int) -> bytes:
        """The file."""
        path = self.root / self.paths[index]
        try:
            return self.confinement.read(path)
        except OSError as error:
            raise DatasetError(f"image {path} cannot be read: {error.strerror}") from error

    def where(self, index: int) -> str:
        """Its path."""
        return str(self.root / self.paths[index])

    def listing(self, indices: Sequence[int]) -> Iterator[str]:
        """Path and size."""
        return (f"{self.paths[index]} {self.sizes[index]}" for index in indices)


def list_folder(root: Path, confinement: Confinement) -> Listing:
    """All images of a folder.

    With a folder ``train`` in it, it has one for each split; ``val`` (also ``valid``, ``validation``,
    ``dev``) and ``test`` may be there, and a ``test`` without class folders, as ImageNet's, holds no labels
    and is passed over. Otherwise its folders are the classes. Class folders are read with those in them;
    files without the suffix of an image, and names that begin with a dot, are passed over.

    Raises:
        DatasetError: It is missing, cannot be read, or has no class folders; a class has no image; a split
            has a class that the training images do not have; or a link leaves the confinement.
    """
    confinement.check(root)
    if not root.is_dir():
        raise DatasetError(f"data set imagefolder:{root}: there is no folder {root}")
    split_folders = _split_folders(root, confinement)
    class_names = [entry.name for entry in _folders(split_folders[Role.TRAIN])]
    if not class_names:
        raise DatasetError(
            f"data set imagefolder:{root}: {split_folders[Role.TRAIN]} has no folders; expected one for each "
            "class, with its images in it"
        )
    paths: list[str] = []
    sizes: list[int] = []
    labels: list[int] = []
    splits = {}
    for role, folder in split_folders.items():
        start = len(paths)
        for entry in _folders(folder):
            if entry.name not in class_names:
                raise DatasetError(f"{entry.path} is a class that {split_folders[Role.TRAIN]} does not have")
            images = sorted(_images(confinement.check(Path(entry.path)), confinement))
            if not images:
                raise DatasetError(
                    f"class folder {entry.path} holds no image; expected files with {', '.join(_SUFFIXES)}"
                )
            paths += [os.path.relpath(path, root) for path, _ in images]
            sizes += [size for _, size in images]
            labels += [class_names.index(entry.name)] * len(images)
        splits[role] = np.arange(start, len(paths))
    images_ = FolderImages(root, paths, sizes, confinement)
    return Listing(images_, np.array(labels, np.int64), tuple(class_names), splits)


def _split_folders(root: Path, confinement: Confinement) -> dict[Role, Path]:
    found: dict[Role, Path] = {}
    for entry in _folders(root):
        role = role_of([entry.name])
        if role is None:
            continue
        folder = confinement.check(Path(entry.path))
        if role is Role.TEST and not _folders(folder):
            continue
        if role in found:
            raise DatasetError(f"{found[role]} and {folder} are both for {role}; expected one")
        found[role] = folder
    return found if Role.TRAIN in found else {Role.TRAIN: root}


def _folders(folder: Path) -> list[os.DirEntry[str]]:
    """Folders in a folder, sorted by name."""
    entries = [entry for entry in _scan(folder) if entry.is_dir()]
    return sorted(entries, key=lambda entry: entry.name)


def _images(folder: Path, confinement: Confinement) -> Iterator[tuple[str, int]]:
    """Path and size in bytes of the images in a folder and the folders in it, links to folders aside."""
    for entry in _scan(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _images(Path(entry.path), confinement)
        elif entry.name.lower().endswith(_SUFFIXES):
            if entry.is_symlink():
                confinement.check(Path(entry.path))
            try:
                yield entry.path, entry.stat().st_size
            except OSError as error:
                raise DatasetError(f"image {entry.path} cannot be read: {error.strerror}") from error


def _scan(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise DatasetError(f"folder {folder} cannot be read: {error.strerror}") from error
