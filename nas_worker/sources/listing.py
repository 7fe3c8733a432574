"""What a source holds: its images, their classes, and the splits that it has itself."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas_worker.errors import DatasetError
from nas_worker.sources.decoding import common_size, mode_of, open_image
from nas_worker.sources.encoded import EncodedDataset, EncodedImages, EncodedSplit
from nas_worker.sources.splitting import Role, held_apart

_LOOKED_AT = 64
_NAMED = 5


@dataclass(frozen=True)
class Listing:
    """Every image of a source.

    Attributes:
        images: The files.
        labels: Class of each, from 0.
        class_names: In the order of the labels.
        splits: Indices of the images of each split that the source has.
    """

    images: EncodedImages
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    splits: Mapping[Role, NDArray[np.int64]]

    def dataset(self, name: str) -> EncodedDataset:
        """The data set with its three splits.

        Raises:
            DatasetError: There are fewer than two classes or too few images; a split has a class that the
                training images do not have; or an image that is looked at, to tell grey from colour and the
                size, cannot be decoded.
        """
        if len(self.class_names) < 2:
            raise DatasetError(f"data set {name} has {len(self.class_names)} class; at least two are needed")
        self._check_classes(name)
        splits = held_apart(self.splits, self.labels, self.class_names)
        train = splits.train
        looked_at = [
            open_image(self.images.read(index), self.images.where(index))
            for index in train[:: max(1, len(train) // _LOOKED_AT)][:_LOOKED_AT].tolist()
        ]

        def split(indices: NDArray[np.int64]) -> EncodedSplit:
            return EncodedSplit(self.images, indices, self.labels[indices])

        return EncodedDataset(
            name=name,
            class_names=self.class_names,
            mode=mode_of(looked_at),
            native_size=common_size(looked_at),
            train=split(train),
            validation=split(splits.validation),
            test=split(splits.test),
        )

    def _check_classes(self, name: str) -> None:
        trained = np.unique(self.labels[self.splits[Role.TRAIN]])
        for role, indices in self.splits.items():
            unknown = np.setdiff1d(self.labels[indices], trained)
            if len(unknown):
                names = ", ".join(repr(self.class_names[label]) for label in unknown[:_NAMED])
                rest = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
                raise DatasetError(
                    f"data set {name}: its {role} split has classes without a training image: {names}{rest}"
                )
