"""What a search trains and validates on, and the macro-architecture that fits it."""

from dataclasses import dataclass
from functools import cached_property

import torch

from nas_worker.data import load_dataset
from nas_worker.errors import SearchError
from nas_worker.inputs import Inputs, search_inputs
from nas_worker.job import SearchSettings
from nas_worker.space import MacroArchitecture


@dataclass(frozen=True)
class SearchData:
    """The data of a search, on the device that it runs on.

    Attributes:
        train: Trains weights and, in searches of one level, architecture parameters.
        validation: Measures accuracy.
        classes: Number of classes.
        fingerprint: Of the whole data set.
    """

    train: Inputs
    validation: Inputs
    classes: int
    fingerprint: str

    @property
    def device(self) -> torch.device:
        """Where the images are."""
        return self.train.images.device

    def macro(self, width: float) -> MacroArchitecture:
        """The macro-architecture for these images."""
        channels, *sides = self.train.images.shape[1:]
        return MacroArchitecture(width, min(sides), channels, self.classes)

    def steps(self, images: Inputs, batch_size: int) -> int:
        """Whole batches in a pass over images.

        Raises:
            SearchError: There is none.
        """
        steps = len(images) // batch_size
        if not steps:
            raise SearchError(f"batch_size is {batch_size}, but there are only {len(images)} training images")
        return steps

    @cached_property
    def halves(self) -> tuple[Inputs, Inputs]:
        """The training split in two: images for weights, and others for architecture parameters.

        The split is the data set's own order, every second image, and so the same for all seeds.
        """
        indices = torch.arange(len(self.train), device=self.device)
        return self.train.take(indices[::2]), self.train.take(indices[1::2])


def load_search_data(settings: SearchSettings) -> SearchData:
    """The data that settings name.

    Raises:
        UnknownNameError: There is no such data set.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dataset = load_dataset(settings.dataset)
    train, validation = search_inputs(dataset, settings.image_size, settings.max_train_images, device)
    return SearchData(train, validation, dataset.classes, dataset.fingerprint)
