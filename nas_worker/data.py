"""Image data sets by name. Knows nothing of torch, so that the service can list names cheaply."""

import hashlib
import pkgutil
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from nas_worker import datasets
from nas_worker.errors import UnknownNameError
from nas_worker.sources.confinement import UNCONFINED, Confinement
from nas_worker.sources.encoded import EncodedDataset
from nas_worker.sources.name import Scheme, SourceName
from nas_worker.sources.open import open_source


@dataclass(frozen=True)
class ImageSplit:
    """Images and their classes.

    Attributes:
        images: N x C x H x W, float32.
        labels: N, int64, from 0.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    def take(self, indices: NDArray[np.int64]) -> "ImageSplit":
        """The images at the indices, in their order."""
        return ImageSplit(self.images[indices], self.labels[indices])


@dataclass(frozen=True)
class ImageDataset:
    """A data set that is held in memory, and whose splits are the same on every machine.

    Attributes:
        name: Under which it was loaded.
        classes: Number of classes.
        train: Trains weights and thresholds.
        validation: Measures the accuracy of a search.
        test: Held apart from every search.
    """

    name: str
    classes: int
    train: ImageSplit
    validation: ImageSplit
    test: ImageSplit

    @property
    def fingerprint(self) -> str:
        """SHA-256 over all images, labels and how they are split, in hex."""
        digest = hashlib.sha256()
        for split in (self.train, self.validation, self.test):
            for array in (split.images, split.labels):
                digest.update(repr((array.shape, array.dtype.str)).encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def dataset_names() -> tuple[str, ...]:
    """Names of the data sets that come with the program, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(datasets.__path__)))


def load_dataset(name: str) -> ImageDataset:
    """A data set that comes with the program.

    Raises:
        UnknownNameError: There is none of that name; the message lists those that exist.
    """
    if name not in dataset_names():
        forms = (f"{scheme}:{'NAME' if scheme is Scheme.HUB else 'PATH'}" for scheme in Scheme)
        raise UnknownNameError("dataset", name, (*dataset_names(), *forms))
    dataset: ImageDataset = import_module(f"{datasets.__name__}.{name}").load()
    return dataset


def open_dataset(name: str, confinement: Confinement = UNCONFINED) -> ImageDataset | EncodedDataset:
    """A data set by name, or where it lies: ``imagefolder:PATH``, ``parquet:PATH``, ``hub:NAME``.

    Args:
        name: As above.
        confinement: Which files it may lie in.

    Raises:
        UnknownNameError: There is no such data set.
        DatasetError: It cannot be had; the message says why and where.
    """
    source = SourceName.parse(name)
    return load_dataset(name) if source is None else open_source(name, source, confinement)
