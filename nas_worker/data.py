"""Image data sets by name. Knows nothing of torch, so that the service can list names cheaply."""

import hashlib
import pkgutil
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from nas_worker import datasets
from nas_worker.errors import UnknownNameError


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
    """A data set whose splits are the same on every machine.

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
    """Names of the data sets, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(datasets.__path__)))


def load_dataset(name: str) -> ImageDataset:
    """A data set by name.

    Raises:
        UnknownNameError: There is none of that name; the message lists those that exist.
    """
    if name not in dataset_names():
        raise UnknownNameError("dataset", name, dataset_names())
    dataset: ImageDataset = import_module(f"{datasets.__name__}.{name}").load()
    return dataset
