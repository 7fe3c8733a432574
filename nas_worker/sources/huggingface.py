"""Parquet files and the hub, through Hugging Face ``datasets``."""

import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.compute as pc
from huggingface_hub.constants import HF_HUB_CACHE
from numpy.typing import NDArray
from pyarrow import ArrowException

from nas_worker.errors import DatasetError
from nas_worker.sources.confinement import Confinement
from nas_worker.sources.hub_name import check_hub_name
from nas_worker.sources.listing import Listing
from nas_worker.sources.name import SourceName
from nas_worker.sources.splitting import Role, role_of

_USUAL_LABELS = ("label", "labels", "class", "target")
_NO_LABEL = -1
_HUB_PREFIX = "hf://datasets/"
"""Before a name it keeps ``datasets`` from looking for a folder of that name."""


@dataclass(frozen=True)
class TableImages:
    """Images in a column of a table; the rows of all splits are numbered in one go.

    Attributes:
        table: Rows whose column holds ``bytes`` and ``path``, as Hugging Face's Image feature does.
        column: Its name.
        sizes: In bytes, by row.
        name: Of the data set.
        confinement: Which files a row may name in place of bytes.
    """

    table: datasets.Dataset
    column: str
    sizes: NDArray[np.int64]
    name: str
    confinement: Confinement

    def read(self, index: int) -> bytes:
        """The bytes of a row, or of the file that it names."""
        cell = self.table[index][self.column] or {}
        raw, path = cell.get("bytes"), cell.get("path")
        if raw is not None:
            return bytes(raw)
        if path is None:
            raise DatasetError(f"image {self.where(index)} has no bytes")
        try:
            return self.confinement.read(Path(path))
        except DatasetError as error:
            raise DatasetError(
                f"image {self.where(index)} has no bytes, but names a file: {error}"
            ) from error
        except OSError as error:
            raise DatasetError(f"image {self.where(index)} cannot be read: {error.strerror}") from error

    def where(self, index: int) -> str:
        """The row."""
        return f"in row {index} of {self.name} (rows of all splits, from 0)"

    def listing(self, indices: Sequence[int]) -> Iterator[str]:
        """Its size; images in tables have no reliable names."""
        return (str(size) for size in self.sizes[list(indices)].tolist())


def list_parquet(source: SourceName, confinement: Confinement) -> Listing:
    """The images of a Parquet file, or of those in a folder.

    A file is of the split that its path from there names, as in ``train-00000-of-00004.parquet`` or
    ``data/test.parquet``; if no path names one, all are for training. ``datasets`` keeps a copy of the rows
    in its cache (``HF_HOME``), which is mapped and not loaded into memory. No row may name a file.

    Raises:
        DatasetError: There is no such file; it is damaged; it has no column of images, or no column of
            classes or several; or a split has a class that the training images do not have.
    """
    name, root = f"parquet:{source.location}", Path(source.location)
    confinement.check(root)
    found = [root] if root.is_file() else sorted(root.rglob("*.parquet"))
    if not found:
        raise DatasetError(f"data set {name}: there is no Parquet file at {root}")
    by_split: dict[str, list[str]] = {}
    for path in found:
        confinement.check(path)
        if "::" in str(path):  # to datasets it joins the name of an archive's part and that of the archive
            raise DatasetError(f"data set {name}: the path {path} must not have '::' in it")
        words = re.split(r"[^A-Za-z]+", os.path.relpath(path, root)) if root.is_dir() else []
        by_split.setdefault(role_of(words) or "", []).append(str(path))
    if "" in by_split and len(by_split) > 1:
        raise DatasetError(
            f"data set {name}: the name of {by_split[''][0]} says no split (train, validation, test), "
            "those of other files do"
        )
    # They are patterns to datasets, which could match other files than those that were checked.
    patterns = {split or Role.TRAIN: list(map(glob.escape, paths)) for split, paths in by_split.items()}
    splits = _loaded(name, path="parquet", data_files=patterns)
    return _listing(source, name, splits, Confinement(roots=()))


def list_hub(source: SourceName, confinement: Confinement) -> Listing:
    """The images of a data set on the Hugging Face hub, or of its copy in the cache.

    A row may name a file in the cache of ``datasets`` or ``huggingface_hub``, where downloads lie, or in one
    of the roots, and no other, not even without a confinement.

    Raises:
        DatasetError: The hub is not allowed, or cannot be reached and there is no copy; there is none of that
            name, or the name could be that of files; or as :func:`list_parquet`.
    """
    name = f"hub:{source.location}"
    if not confinement.allow_hub:
        raise DatasetError(
            f"data set {name}: this service downloads no data sets from the hub; SPNAS_ALLOW_HUB=true lets it"
        )
    check_hub_name(source)
    splits = _loaded(name, path=f"{_HUB_PREFIX}{source.location}", name=source.config)
    config = datasets.config
    caches = (HF_HUB_CACHE, config.HF_DATASETS_CACHE, config.DOWNLOADED_DATASETS_PATH)
    return _listing(source, name, splits, Confinement((*map(str, caches), *(confinement.roots or ()))))


def _loaded(dataset_name: str, /, **options: Any) -> Mapping[str, datasets.Dataset]:
    datasets.disable_progress_bars()
    try:
        builder = datasets.load_dataset_builder(**options)
        if options["path"].startswith(_HUB_PREFIX):
            _check_remote(dataset_name, builder.config.data_files or {})
        builder.download_and_prepare()
        loaded = builder.as_dataset()
    except DatasetError:
        raise
    except Exception as error:  # whatever its many layers raise, the data set is what cannot be had
        if isinstance(error, ArrowException) or isinstance(error.__cause__, ArrowException):
            hint = "; is one of its files damaged?"
        elif isinstance(error, ConnectionError):
            hint = "; without a network, use a local copy: imagefolder:PATH or parquet:PATH"
        else:
            hint = ""
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise DatasetError(f"data set {dataset_name} cannot be loaded: {reason}{hint}") from error
    splits: Mapping[str, datasets.Dataset] = loaded
    return splits


def _check_remote(dataset_name: str, files: Mapping[str, Sequence[str]]) -> None:
    """Refuses a data set whose description on the hub names files elsewhere, such as on this machine."""
    for path in (path for paths in files.values() for path in paths):
        if not path.rpartition("::")[2].startswith(
            "hf://"
        ):  # the last of a chain, as of a file in an archive
            raise DatasetError(f"data set {dataset_name} names files that are not on the hub")


def _listing(
    source: SourceName, name: str, found: Mapping[str, datasets.Dataset], confinement: Confinement
) -> Listing:
    by_role: dict[Role, datasets.Dataset] = {}
    for split, table in found.items():
        role = role_of(re.split(r"[^A-Za-z]+", split))
        if role is not None and role not in by_role:
            by_role[role] = table
    if Role.TRAIN not in by_role:
        raise DatasetError(f"data set {name} has no training split; it has {', '.join(found)}")
    features = by_role[Role.TRAIN].features
    column, label = _image_column(name, features), _label_column(name, features, source.label)
    if Role.TEST in by_role and _is_unlabelled(by_role[Role.TEST], label):
        del by_role[Role.TEST]
    tables = [
        table.select_columns([column, label]).cast_column(column, datasets.Image(decode=False))
        for table in by_role.values()
    ]
    whole = datasets.concatenate_datasets(tables)
    ends = np.cumsum([len(table) for table in tables])
    splits = {
        role: np.arange(end - len(table), end)
        for role, table, end in zip(by_role, tables, ends.tolist(), strict=True)
    }
    labels, class_names = _labels(name, whole, label)
    training_labels = labels[splits[Role.TRAIN]]
    if len(training_labels) > 2 and len(np.unique(training_labels)) == len(training_labels):
        raise DatasetError(
            f"data set {name}: column {label!r} has another value for each of the {len(training_labels)} "
            "training images; expected their classes"
        )
    images = TableImages(whole.select_columns([column]), column, _sizes(whole, column), name, confinement)
    return Listing(images, labels, class_names, splits)


def _image_column(name: str, features: Mapping[str, Any]) -> str:
    columns = [
        column
        for column, feature in features.items()
        if isinstance(feature, datasets.Image)
        or (isinstance(feature, dict) and set(feature) == {"bytes", "path"})
    ]
    if len(columns) != 1:
        raise DatasetError(
            f"data set {name} has {len(columns)} columns of images; expected one. "
            f"Its columns: {', '.join(features)}"
        )
    return columns[0]


def _label_column(name: str, features: Mapping[str, Any], wanted: str | None) -> str:
    if wanted is not None:
        if wanted not in features:
            raise DatasetError(f"data set {name} has no column {wanted!r}; it has {', '.join(features)}")
        return wanted
    columns = [column for column, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
    columns = columns or [column for column in _USUAL_LABELS if column in features]
    if len(columns) != 1:
        raise DatasetError(
            f"data set {name}: which column has the classes? Add ?label=COLUMN; it has {', '.join(features)}"
        )
    return columns[0]


def _is_unlabelled(table: datasets.Dataset, label: str) -> bool:
    """Whether it is a test split whose labels are kept back, as ImageNet's are."""
    return isinstance(table.features[label], datasets.ClassLabel) and set(table.unique(label)) == {_NO_LABEL}


def _labels(name: str, table: datasets.Dataset, label: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    feature = table.features[label]
    values = table.data.column(label).to_pylist()
    if None in values or (isinstance(feature, datasets.ClassLabel) and _NO_LABEL in values):
        missing = values.index(None if None in values else _NO_LABEL)
        raise DatasetError(f"data set {name}: row {missing} has no class in column {label!r}")
    if isinstance(feature, datasets.ClassLabel):
        return np.array(values, np.int64), tuple(feature.names)
    if not all(isinstance(value, int | str) for value in values):
        raise DatasetError(f"data set {name}: column {label!r} holds neither whole numbers nor texts")
    names = sorted(set(values))
    return np.searchsorted(np.array(names), np.array(values)).astype(np.int64), tuple(map(str, names))


def _sizes(table: datasets.Dataset, column: str) -> NDArray[np.int64]:
    lengths = [
        pc.fill_null(pc.binary_length(pc.struct_field(chunk, "bytes")), 0).to_numpy(zero_copy_only=False)
        for chunk in table.data.column(column).chunks
    ]
    return np.concatenate(lengths, dtype=np.int64)
