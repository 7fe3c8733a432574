"""Handwritten digits: 1,797 grey 8 x 8 images in 10 classes that come with scikit-learn."""

import numpy as np
from sklearn.datasets import load_digits

from nas_worker.data import ImageDataset, ImageSplit

_TRAIN = 1200
_VALIDATION = 300
_BRIGHTEST = 16


def load() -> ImageDataset:
    """1,200 images to train on, 300 for validation, 297 to test on; pixels in [0, 1]."""
    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    images = (bunch.images / _BRIGHTEST).astype(np.float32)[order, np.newaxis]
    labels = bunch.target.astype(np.int64)[order]
    everything = ImageSplit(images, labels)
    train, validation, test = np.split(np.arange(len(labels)), [_TRAIN, _TRAIN + _VALIDATION])
    return ImageDataset(
        "digits", 10, everything.take(train), everything.take(validation), everything.take(test)
    )
