"""Images of a data set as the network takes them."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional

from nas_worker.data import ImageDataset, ImageSplit


@dataclass(frozen=True)
class Inputs:
    """A split on the device.

    Attributes:
        images: N x C x H x W, normalised, channels last in memory.
        labels: N.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        """Number of images."""
        return len(self.labels)

    def take(self, indices: Tensor) -> Self:
        """The images at the indices, in their order."""
        return type(self)(self.images[indices], self.labels[indices])

    def spread(self, count: int) -> Tensor:
        """At most ``count`` images, evenly spread over the split."""
        return self.images[:: max(1, len(self) // count)][:count]


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
    train = _resized(dataset.train, image_size)[:max_train_images]
    validation = _resized(dataset.validation, image_size)
    deviation, mean = torch.std_mean(train, dim=(0, 2, 3), keepdim=True)
    scale = torch.where(deviation > 0, deviation, 1)

    def inputs(images: Tensor, split: ImageSplit) -> Inputs:
        normalised = ((images - mean) / scale).to(device).contiguous(memory_format=torch.channels_last)
        return Inputs(normalised, torch.from_numpy(split.labels)[: len(images)].to(device))

    return inputs(train, dataset.train), inputs(validation, dataset.validation)


def _resized(split: ImageSplit, size: int | None) -> Tensor:
    images = torch.from_numpy(split.images)
    if size is None or tuple(images.shape[2:]) == (size, size):
        return images
    return functional.interpolate(
        images, size=(size, size), mode="bilinear", antialias=True, align_corners=False
    )
