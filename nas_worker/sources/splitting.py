"""Which images train, validate and test, from the splits that a source has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from nas_worker.errors import DatasetError

_HELD_OUT_SHARE = 0.1
_LARGEST_VALIDATION = 10_000
"""Enough to tell accuracies half a point apart; a share of a large data set would cost more time."""
_VALIDATION_STREAM, _TEST_STREAM, _ORDER_STREAM = range(3)


class Role(StrEnum):
    """What a split is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


_WORDS = {
    "train": Role.TRAIN,
    "training": Role.TRAIN,
    "val": Role.VALIDATION,
    "valid": Role.VALIDATION,
    "validation": Role.VALIDATION,
    "dev": Role.VALIDATION,
    "test": Role.TEST,
    "testing": Role.TEST,
}


def role_of(words: Iterable[str]) -> Role | None:
    """The role that the first telling word names."""
    return next((_WORDS[word.lower()] for word in words if word.lower() in _WORDS), None)


@dataclass(frozen=True)
class Splits:
    """Indices of the images of each split."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def held_apart(
    found: Mapping[Role, NDArray[np.int64]], labels: NDArray[np.int64], class_names: Sequence[str]
) -> Splits:
    """Three splits out of those that there are.

    With two, the one that is not for training is the test split. What is missing is a share of the training
    images, the same share of each class: 10 % for testing; 10 %, but at most about 10,000 images, for
    validation. Which ones, and the order of the training images, follow from a fixed seed.

    Args:
        found: Indices of the images of each split of the source; training images are there.
        labels: Class of every image.
        class_names: In the order of the labels.

    Raises:
        DatasetError: A class has too few images for that.
    """
    train, validation, test = found[Role.TRAIN], found.get(Role.VALIDATION), found.get(Role.TEST)
    if test is None:
        validation, test = None, validation
    if test is None:
        train, test = _taken(train, labels, _HELD_OUT_SHARE, class_names, _TEST_STREAM)
    if validation is None:
        share = min(_HELD_OUT_SHARE, _LARGEST_VALIDATION / max(1, len(train)))
        train, validation = _taken(train, labels, share, class_names, _VALIDATION_STREAM)
    return Splits(np.random.default_rng(_ORDER_STREAM).permutation(train), validation, test)


def _taken(
    indices: NDArray[np.int64],
    labels: NDArray[np.int64],
    share: float,
    class_names: Sequence[str],
    stream: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What stays, and a share of each class, at least one image."""
    random = np.random.default_rng(stream)
    shuffled = random.permutation(indices)
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    taken = []
    for label, group in _groups(by_class, labels):
        if len(group) < 2:
            raise DatasetError(
                f"class {class_names[label]} has too few images to hold any apart from training; "
                "three are needed where there is no validation or test split, two where one is missing"
            )
        taken.append(group[: max(1, round(share * len(group)))])
    apart = np.sort(np.concatenate(taken))
    return np.setdiff1d(indices, apart), apart


def _groups(
    by_class: NDArray[np.int64], labels: NDArray[np.int64]
) -> Iterable[tuple[int, NDArray[np.int64]]]:
    values, starts = np.unique(labels[by_class], return_index=True)
    return zip(values.tolist(), np.split(by_class, starts[1:]), strict=True)
