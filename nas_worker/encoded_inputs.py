"""Batches of images that are decoded as they are needed, by threads, a few batches ahead.

Threads and not processes: Pillow decodes and resizes outside the interpreter's lock. How many there are has
no influence on a batch.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas_worker.augmentation import random_box, random_flip
from nas_worker.errors import SearchError
from nas_worker.inputs import Augmentation, Inputs
from nas_worker.sources.decoding import Mode, centre_box, open_image, pixels
from nas_worker.sources.encoded import EncodedDataset, EncodedSplit

_BATCHES_AHEAD = 3
_CENTRE_SHARE = 0.875
"""Part of an image that is evaluated after a training on random parts, which show things larger."""
_STATISTICS_IMAGES = 2048
_STATISTICS_BATCH = 128
_WHITE = 255.0


@dataclass(frozen=True)
class View:
    """How an image becomes pixels.

    Attributes:
        mode: Grey or colour.
        size: Side in pixels.
        is_augmented: Whether batches of a training show a random part, flipped or not.
        centre_share: Side of the part that is evaluated, over the image's shorter side.
    """

    mode: Mode
    size: int
    is_augmented: bool
    centre_share: float

    def pixels(self, split: EncodedSplit, place: int, seed: tuple[int, ...] | None) -> NDArray[np.uint8]:
        """An image of a split, H x W x C; ``seed``: of random numbers, None: not augmented."""
        index = int(split.indices[place])
        image = open_image(split.images.read(index), split.images.where(index))
        if seed is None or not self.is_augmented:
            return pixels(image, self.mode, centre_box(image, self.centre_share), self.size)
        random = np.random.default_rng([*seed, place])
        part = pixels(image, self.mode, random_box(*image.size, random), self.size)
        return part[:, ::-1] if random_flip(random) else part


@dataclass(frozen=True)
class EncodedInputs:
    """A split whose images are decoded when a batch needs them.

    Attributes:
        split: The images.
        view: How they become pixels.
        mean: C, of pixels in [0, 1].
        scale: C, what they are divided by.
        labels: N, on the device.
    """

    split: EncodedSplit
    view: View
    mean: Tensor
    scale: Tensor
    labels: Tensor

    def __len__(self) -> int:
        """Number of images."""
        return len(self.split)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        return len(self.view.mode), self.view.size, self.view.size

    def take(self, indices: Tensor) -> Self:
        """A split of the images at the indices, in their order; nothing is decoded."""
        places = indices.cpu().numpy()
        split = EncodedSplit(self.split.images, self.split.indices[places], self.split.labels[places])
        return replace(self, split=split, labels=self.labels[indices])

    def batches(self, groups: Iterable[Tensor], seed: tuple[int, ...]) -> Iterator[Inputs]:
        """One batch for each group of indices, in order; the random numbers follow from seed and index."""
        return self._loaded(groups, seed)

    def spread(self, count: int) -> Tensor:
        """At most ``count`` images, evenly spread over the split."""
        places = torch.arange(len(self))[:: max(1, len(self) // count)][:count]
        (batch,) = self._loaded([places], None)
        return batch.images

    def in_order(self, size: int) -> Iterator[Inputs]:
        """The whole split in batches."""
        return self._loaded(torch.split(torch.arange(len(self)), size), None)

    def _loaded(self, groups: Iterable[Tensor], seed: tuple[int, ...] | None) -> Iterator[Inputs]:
        for indices, raw in _decoded(self.split, self.view, groups, seed):
            yield Inputs(self._normalised(raw), self.labels[indices])

    def _normalised(self, raw: Tensor) -> Tensor:
        device = self.labels.device
        if device.type == "cuda":
            raw = raw.pin_memory()
        # N x H x W x C seen as N x C x H x W is what torch calls channels last.
        images = raw.to(device, non_blocking=True).permute(0, 3, 1, 2).float() / _WHITE
        return (images - self.mean[:, None, None]) / self.scale[:, None, None]


def encoded_sources(
    dataset: EncodedDataset,
    image_size: int | None,
    max_train_images: int | None,
    device: torch.device,
    augmentation: Augmentation,
) -> tuple[EncodedInputs, EncodedInputs, EncodedInputs]:
    """Training, validation and test split of a data set in files; see ``inputs.training_sources``.

    Mean and deviation are those of at most 2,048 training images, evenly spread.
    """
    size = image_size or dataset.native_size
    if size is None:
        raise SearchError(f"the images of {dataset.name} differ in size or are not square: give image_size")
    is_augmented = augmentation == "crop_flip" or (augmentation == "auto" and dataset.mode == "RGB")
    view = View(dataset.mode, size, is_augmented, _CENTRE_SHARE if is_augmented else 1.0)
    train = dataset.train.first(max_train_images)
    mean, scale = _statistics(train, view)

    def inputs(split: EncodedSplit) -> EncodedInputs:
        labels = torch.from_numpy(split.labels).to(device)
        return EncodedInputs(split, view, mean.to(device), scale.to(device), labels)

    return inputs(train), inputs(dataset.validation), inputs(dataset.test)


def _statistics(train: EncodedSplit, view: View) -> tuple[Tensor, Tensor]:
    """Mean and deviation (1 where it is 0) of each channel."""
    places = torch.arange(len(train))[:: max(1, len(train) // _STATISTICS_IMAGES)][:_STATISTICS_IMAGES]
    count = 0
    total, squares = torch.zeros(2, len(view.mode), dtype=torch.float64)
    for _, raw in _decoded(train, view, torch.split(places, _STATISTICS_BATCH), None):
        values = raw.double() / _WHITE
        count += values[..., 0].numel()
        total += values.sum((0, 1, 2))
        squares += values.square().sum((0, 1, 2))
    mean = total / count
    deviation = (squares / count - mean.square()).clamp_min(0).sqrt()
    return mean.float(), torch.where(deviation > 1e-6, deviation, 1).float()


def _decoded(
    split: EncodedSplit, view: View, groups: Iterable[Tensor], seed: tuple[int, ...] | None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Indices and pixels (N x H x W x C, bytes) of each group, on the CPU."""
    pool = ThreadPoolExecutor(max(1, torch.get_num_threads()), "decode")

    def started(indices: Tensor) -> tuple[Tensor, list[Future[NDArray[np.uint8]]]]:
        return indices, [pool.submit(view.pixels, split, place, seed) for place in indices.tolist()]

    try:
        ahead: deque[tuple[Tensor, list[Future[NDArray[np.uint8]]]]] = deque()
        for indices in groups:
            ahead.append(started(indices))
            if len(ahead) > _BATCHES_AHEAD:
                yield _collected(*ahead.popleft())
        while ahead:
            yield _collected(*ahead.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _collected(indices: Tensor, images: list[Future[NDArray[np.uint8]]]) -> tuple[Tensor, Tensor]:
    return indices, torch.from_numpy(np.stack([image.result() for image in images]))
