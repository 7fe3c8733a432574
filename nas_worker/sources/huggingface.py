"""Parquet files and the hub, through Hugging Face ``datasets``."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import ArrowException

from nas_worker.errors import DatasetError
from nas_worker.sources.confinement import Confinement
from nas_worker.sources.listing import Listing
from nas_worker.sources.name import SourceName
from nas_worker.sources.splitting import Role, role_of

_USUAL_LABELS = ("label", "labels", "class", "target")
_NO_LABEL = -1


@dataclass(frozen=True)
class TableImages:
    """Images in a column of a table; the rows of all splits are numbered in one go.

    Attributes:
        table: Rows whose column holds ``bytes`` and ``path``, as Hugging Face's Image feature does.
        column: Its name.
        sizes: In bytes, by row.
        name: Of the data set.
        may_read_files: Whether a row may name a file in place of bytes.
    """

    table: datasets.Dataset
    column: str
    sizes: NDArray[np.int64]
    name: str
    may_read_files: bool

    def read(self, index: int) -> bytes:
        """The bytes of a row, or of the file that it names."""
        cell = self.table[index][self.column] or {}
        raw, path = cell.get("bytes"), cell.get("path")
        if raw is not None:
            return bytes(raw)
        if path is None or not self.may_read_files:
            raise DatasetError(f"image {self.where(index)} has no bytes")
        try:
            return Path(path).read_bytes()
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
    in its cache (``HF_HOME``), which is mapped and not loaded into memory.

    Raises:
        DatasetError: There is no such file; it is damaged; or it has no column of images, or no column of
            classes or several.
    """
    name, root = f"parquet:{source.location}", Path(source.location)
    confinement.check(root)
    found = [root] if root.is_file() else sorted(root.rglob("*.parquet"))
    files = [str(confinement.check(path)) for path in found]
    if not files:
        raise DatasetError(f"data set {name}: there is no Parquet file at {root}")
    by_split: dict[str, list[str]] = {}
    for path in files:
        words = re.split(r"[^A-Za-z]+", os.path.relpath(path, root)) if root.is_dir() else []
        by_split.setdefault(role_of(words) or "", []).append(path)
    if "" in by_split and len(by_split) > 1:
        raise DatasetError(
            f"data set {name}: the name of {by_split[''][0]} says no split (train, validation, test), "
            "those of other files do"
        )
    by_split = {split or Role.TRAIN: paths for split, paths in by_split.items()}
    return _listing(source, name, _loaded(name, path="parquet", data_files=by_split), may_read_files=False)


def list_hub(source: SourceName) -> Listing:
    """The images of a data set on the Hugging Face hub, or of its copy in the cache.

    Raises:
        DatasetError: The hub cannot be reached and there is no copy; there is none of that name; or as
            :func:`list_parquet`.
    """
    name = f"hub:{source.location}"
    return _listing(
        source, name, _loaded(name, path=source.location, name=source.config), may_read_files=True
    )


def _loaded(dataset_name: str, /, **options: Any) -> Mapping[str, datasets.Dataset]:
    datasets.disable_progress_bars()
    try:
        loaded = datasets.load_dataset(**options)
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


def _listing(
    source: SourceName, name: str, found: Mapping[str, datasets.Dataset], *, may_read_files: bool
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
    images = TableImages(whole.select_columns([column]), column, _sizes(whole, column), name, may_read_files)
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
