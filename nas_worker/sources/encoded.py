"""Data sets whose images stay encoded until they are needed, so that they need not fit into memory."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

_HASHED_IMAGES = 256
"""Images whose whole content is in the fingerprint; of the others only name and size are."""


class EncodedImages(Protocol):
    """Files such as JPEG and PNG, by index."""

    def read(self, index: int) -> bytes:
        """The file.

        Raises:
            DatasetError: It cannot be read.
        """

    def where(self, index: int) -> str:
        """Which one it is, in the words of an error."""

    def listing(self, indices: Sequence[int]) -> Iterator[str]:
        """For each index a text that changes with the file: its name, if there is one, and size in bytes."""


@dataclass(frozen=True)
class EncodedSplit:
    """Some of the images and their classes.

    Attributes:
        images: All images of the data set.
        indices: Which of them, N.
        labels: Their classes, N, int64, from 0.
    """

    images: EncodedImages
    indices: NDArray[np.int64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.indices)

    def first(self, count: int | None) -> Self:
        """The first so many; None: all."""
        return type(self)(self.images, self.indices[:count], self.labels[:count])


@dataclass(frozen=True)
class EncodedDataset:
    """A data set that lies in files. Its splits follow from the files alone.

    Attributes:
        name: Under which it was loaded.
        class_names: In the order of the labels.
        mode: Pillow's name of how every image is decoded: grey or colour.
        native_size: Side in pixels that images are square with, or None where they are not all alike. Some
            images are looked at to tell.
        train: Trains weights and thresholds. In an order that mixes the classes.
        validation: Measures the accuracy of a search, and of each epoch of a training.
        test: Held apart from both.
    """

    name: str
    class_names: tuple[str, ...]
    mode: Literal["L", "RGB"]
    native_size: int | None
    train: EncodedSplit
    validation: EncodedSplit
    test: EncodedSplit

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def channels(self) -> int:
        """Channels of the images: 1 or 3."""
        return len(self.mode)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, over classes, how the images are split, their labels, names and sizes in bytes.

        And over the whole content of 256 images that are spread evenly over each split: a change of another
        image that keeps its size is not noticed.
        """
        digest = hashlib.sha256(repr((self.class_names, self.mode)).encode())
        for split in (self.train, self.validation, self.test):
            digest.update(repr(split.labels.shape).encode())
            digest.update(split.labels.tobytes())
            for entry in split.images.listing(split.indices.tolist()):
                digest.update(entry.encode("utf-8", "surrogateescape") + b"\0")
            for index in split.indices[:: max(1, len(split) // _HASHED_IMAGES)][:_HASHED_IMAGES]:
                digest.update(hashlib.sha256(split.images.read(int(index))).digest())
        return digest.hexdigest()
