"""Digits at random places of an empty 16 x 16 canvas, after the translated MNIST of Mnih et al. (2014).

Made from ``digits``, so it needs no file. The smallest ConvNets, which do as well as any on ``digits``, learn
badly here in few epochs.
"""

import numpy as np

from nas_worker.data import ImageDataset, ImageSplit
from nas_worker.datasets import digits

_CANVAS = 16
_PLACES_PER_DIGIT = 4


def load() -> ImageDataset:
    """4,800 images to train on, 1,200 for validation, 1,188 to test on; pixels in [0, 1].

    Each digit stands at four places, and all of them are in the split that the digit has in ``digits``.
    Each quarter of a split holds all its digits once, in their order there.
    """
    source = digits.load()
    random = np.random.default_rng(0)
    train, validation, test = (
        _translated(split, random) for split in (source.train, source.validation, source.test)
    )
    return ImageDataset("translated_digits", source.classes, train, validation, test)


def _translated(split: ImageSplit, random: np.random.Generator) -> ImageSplit:
    images = np.tile(split.images, (_PLACES_PER_DIGIT, 1, 1, 1))
    count, channels, height, width = images.shape
    tops = random.integers(_CANVAS - height, size=count, endpoint=True)
    lefts = random.integers(_CANVAS - width, size=count, endpoint=True)
    canvas = np.zeros((count, channels, _CANVAS, _CANVAS), np.float32)
    for place, image, top, left in zip(canvas, images, tops, lefts, strict=True):
        place[:, top : top + height, left : left + width] = image
    return ImageSplit(canvas, np.tile(split.labels, _PLACES_PER_DIGIT))
