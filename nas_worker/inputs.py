"""Images of a data set as the network takes them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, Self

import torch
from torch import Tensor
from torch.nn import functional

from nas_worker.data import ImageDataset, ImageSplit
from nas_worker.errors import SearchError
from nas_worker.sources.encoded import EncodedDataset

Augmentation = Literal["auto", "none", "crop_flip"]


class Source(Protocol):
    """A split, as a training reads it."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""

    @property
    def labels(self) -> Tensor:
        """Classes of all images, N, on the device."""

    def __len__(self) -> int:
        """Number of images."""

    def batches(self, groups: Iterable[Tensor], seed: tuple[int, ...]) -> Iterator["Inputs"]:
        """One batch for each group of indices, in order, augmented by numbers that follow from the seed.

        Raises:
            DatasetError: An image cannot be read.
        """

    def take(self, indices: Tensor) -> "Source":
        """A split of the images at the indices, in their order."""

    def spread(self, count: int) -> Tensor:
        """At most ``count`` images, evenly spread over the split, not augmented."""

    def in_order(self, size: int) -> Iterator["Inputs"]:
        """The whole split in batches, not augmented."""


@dataclass(frozen=True)
class Inputs:
    """A split, or a batch, on the device.

    Attributes:
        images: N x C x H x W, normalised, channels last in memory.
        labels: N.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    def take(self, indices: Tensor) -> Self:
        """The images at the indices, in their order."""
        return type(self)(self.images[indices], self.labels[indices])

    def batches(self, groups: Iterable[Tensor], seed: tuple[int, ...]) -> Iterator["Inputs"]:  # noqa: ARG002 - nothing is drawn
        """One batch for each group of indices; images in memory are not augmented."""
        return map(self.take, groups)

    def spread(self, count: int) -> Tensor:
        """At most ``count`` images, evenly spread over the split."""
        return self.images[:: max(1, len(self) // count)][:count]

    def in_order(self, size: int) -> Iterator["Inputs"]:
        """The whole split in batches."""
        return map(Inputs, torch.split(self.images, size), torch.split(self.labels, size))


@dataclass(frozen=True)
class Sources:
    """The splits of a data set, resized and normalised alike.

    Attributes:
        train: Trains.
        validation: Is evaluated on along the way.
        test: Is evaluated on at the end.
        mean: Of each channel of the training images, pixels in [0, 1]; it is subtracted.
        scale: What the difference is divided by: their deviation, or 1 where that is 0.
    """

    train: Source
    validation: Source
    test: Source
    mean: tuple[float, ...]
    scale: tuple[float, ...]


def training_sources(
    dataset: ImageDataset | EncodedDataset,
    image_size: int | None,
    max_train_images: int | None,
    device: torch.device,
    augmentation: Augmentation = "auto",
) -> Sources:
    """All splits, resized, and normalised by mean and deviation of the training images.

    Args:
        dataset: Where they come from.
        image_size: Side in pixels; None keeps the native size.
        max_train_images: Take only the first so many training images.
        device: Where they go.
        augmentation: ``crop_flip``: a random part of the image, resized, and flipped left to right in one of
            two cases. ``auto``: that for colour images in files, else none.

    Raises:
        SearchError: Images in files have no common native size and none is given, or images in memory are to
            be augmented.
        DatasetError: An image cannot be read.
    """
    if isinstance(dataset, EncodedDataset):
        from nas_worker.encoded_inputs import encoded_sources  # noqa: PLC0415 - of the extra datasets

        train, validation, test = encoded_sources(dataset, image_size, max_train_images, device, augmentation)
        return Sources(train, validation, test, _numbers(train.mean), _numbers(train.scale))
    if augmentation == "crop_flip":
        raise SearchError(f"data set {dataset.name} is not augmented: leave augmentation at auto or none")
    (images, validation_images, test_images), mean, scale = _memory_inputs(
        dataset.train, (dataset.validation, dataset.test), image_size, max_train_images, device
    )
    return Sources(images, validation_images, test_images, _numbers(mean), _numbers(scale))


def search_inputs(
    dataset: ImageDataset, image_size: int | None, max_train_images: int | None, device: torch.device
) -> tuple[Inputs, Inputs]:
    """Training and validation split, resized and normalised by the training images' mean and deviation.

    Args:
        dataset: Where they come from.
        image_size: Side in pixels; None keeps the native size.
        max_train_images: Take only the first so many training images.
        device: Where they go.
    """
    (train, validation), _, _ = _memory_inputs(
        dataset.train, (dataset.validation,), image_size, max_train_images, device
    )
    return train, validation


def steps_in(images: Source, batch_size: int, what: str = "training images") -> int:
    """Whole batches in a pass over images, which are ``what`` in the error.

    Raises:
        SearchError: There is none.
    """
    steps = len(images) // batch_size
    if not steps:
        raise SearchError(f"batch_size is {batch_size}, but there are only {len(images)} {what}")
    return steps


def _memory_inputs(
    train: ImageSplit,
    others: Sequence[ImageSplit],
    image_size: int | None,
    max_train_images: int | None,
    device: torch.device,
) -> tuple[list[Inputs], Tensor, Tensor]:
    """Training split and others, normalised alike, and by what: mean and scale, both 1 x C x 1 x 1."""
    resized = [_resized(split, image_size) for split in (train, *others)]
    resized[0] = resized[0][:max_train_images]
    mean, scale = _statistics(resized[0])

    def inputs(images: Tensor, split: ImageSplit) -> Inputs:
        normalised = ((images - mean) / scale).to(device).contiguous(memory_format=torch.channels_last)
        return Inputs(normalised, torch.from_numpy(split.labels)[: len(images)].to(device))

    return list(map(inputs, resized, (train, *others))), mean, scale


def _statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and scale of each channel of N x C x H x W, both 1 x C x 1 x 1."""
    deviation, mean = torch.std_mean(images, dim=(0, 2, 3), keepdim=True)
    return mean, torch.where(deviation > 0, deviation, 1)


def _numbers(channels: Tensor) -> tuple[float, ...]:
    return tuple(channels.flatten().tolist())


def _resized(split: ImageSplit, size: int | None) -> Tensor:
    images = torch.from_numpy(split.images)
    if size is None or tuple(images.shape[2:]) == (size, size):
        return images
    return functional.interpolate(
        images, size=(size, size), mode="bilinear", antialias=True, align_corners=False
    )
