"""What a search trains and validates on, and the macro-architecture that fits it."""

from dataclasses import dataclass
from functools import cached_property

import torch

from nas_worker.data import open_dataset
from nas_worker.inputs import Source, training_sources
from nas_worker.job import SearchSettings
from nas_worker.sources.confinement import UNCONFINED, Confinement
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

    train: Source
    validation: Source
    classes: int
    fingerprint: str

    @property
    def device(self) -> torch.device:
        """Where the images are."""
        return self.train.labels.device

    def macro(self, width: float) -> MacroArchitecture:
        """The macro-architecture for these images."""
        channels, *sides = self.train.shape
        return MacroArchitecture(width, min(sides), channels, self.classes)

    @cached_property
    def halves(self) -> tuple[Source, Source]:
        """The training split in two: images for weights, and others for architecture parameters.

        The split is the data set's own order, every second image, and so the same for all seeds.
        """
        indices = torch.arange(len(self.train), device=self.device)
        return self.train.take(indices[::2]), self.train.take(indices[1::2])


def load_search_data(settings: SearchSettings, confinement: Confinement = UNCONFINED) -> SearchData:
    """The data that settings name.

    Args:
        settings: Those of a search.
        confinement: Which files the data set may lie in.

    Raises:
        DatasetError: The data set cannot be read.
        SearchError: The settings do not fit it.
        UnknownNameError: There is no such data set.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dataset = open_dataset(settings.dataset, confinement)
    sources = training_sources(
        dataset, settings.image_size, settings.max_train_images, device, settings.augmentation
    )
    return SearchData(sources.train, sources.validation, dataset.classes, dataset.fingerprint)
