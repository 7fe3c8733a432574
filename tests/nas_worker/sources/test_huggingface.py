import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nas_worker.data import open_dataset
from nas_worker.errors import DatasetError
from nas_worker.sources.confinement import Confinement
from nas_worker.sources.encoded import EncodedDataset
from tests.nas_worker.sources.folders import image_bytes

_FEATURES = (
    b'{"info": {"features": {"image": {"_type": "Image"}, '
    b'"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}'
)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def rows(count: int, labels: Any = (0, 1), *, with_features: bool = False, **columns: Any) -> pa.Table:
    images = [{"bytes": image_bytes(90 * (i % 2), i), "path": None} for i in range(count)]
    table = pa.table(
        {
            "image": pa.array(images, type=pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            "label": [labels[i % len(labels)] for i in range(count)],
            **columns,
        }
    )
    return table.replace_schema_metadata({b"huggingface": _FEATURES}) if with_features else table


def opened(path: Path, options: str = "") -> EncodedDataset:
    dataset = open_dataset(f"parquet:{path}{options}")
    assert isinstance(dataset, EncodedDataset)
    return dataset


def test_the_hubs_layout_has_its_splits_and_class_names(tmp_path: Path) -> None:
    folder = tmp_path / "set" / "data"
    folder.mkdir(parents=True)
    for part in range(2):
        pq.write_table(rows(20, with_features=True), folder / f"train-{part:05}-of-00002.parquet")
    pq.write_table(rows(8, with_features=True), folder / "test-00000-of-00001.parquet")
    dataset = opened(tmp_path / "set")
    assert dataset.class_names == ("cat", "dog")
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (36, 4, 8)
    assert dataset.native_size == 16
    raw = dataset.train.images.read(int(dataset.train.indices[0]))
    label = int(dataset.train.labels[0])
    assert raw in {image_bytes(90 * label, seed) for seed in range(20)}


@pytest.mark.parametrize(("labels", "names"), [((7, 3), ("3", "7")), (("b", "a"), ("a", "b"))])
def test_a_plain_file_is_split_in_three(labels: Any, names: tuple[str, ...], tmp_path: Path) -> None:
    pq.write_table(rows(40, labels), tmp_path / "plain.parquet")
    dataset = opened(tmp_path / "plain.parquet")
    assert dataset.class_names == names
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (32, 4, 4)


def test_a_test_split_without_labels_is_passed_over(tmp_path: Path) -> None:
    pq.write_table(rows(20, with_features=True), tmp_path / "train.parquet")
    pq.write_table(rows(10, with_features=True), tmp_path / "validation.parquet")
    pq.write_table(rows(10, (-1,), with_features=True), tmp_path / "test.parquet")
    dataset = opened(tmp_path)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (18, 2, 10)


def test_the_fingerprint_changes_with_an_image(tmp_path: Path) -> None:
    table = rows(40)
    pq.write_table(table, tmp_path / "a.parquet")
    pq.write_table(table, tmp_path / "b.parquet")
    images = table.column("image").to_pylist()
    images[3]["bytes"] = image_bytes(1, 99)
    changed = table.set_column(0, "image", pa.array(images, type=table.schema.field("image").type))
    pq.write_table(changed, tmp_path / "c.parquet")
    first, same, other = (opened(tmp_path / f"{name}.parquet").fingerprint for name in "abc")
    assert first == same != other


def test_which_label_can_be_said(tmp_path: Path) -> None:
    table = rows(40, labels=(0, 1, 2)).rename_columns(["image", "coarse"])
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DatasetError, match=r"Add \?label=COLUMN; it has image, coarse"):
        opened(tmp_path / "x.parquet")
    assert opened(tmp_path / "x.parquet", "?label=coarse").classes == 3
    with pytest.raises(DatasetError, match="no column 'fine'"):
        opened(tmp_path / "x.parquet", "?label=fine")


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=f"there is no Parquet file at {tmp_path}"):
        opened(tmp_path)
    (tmp_path / "bad.parquet").write_bytes(b"nonsense")
    with pytest.raises(DatasetError, match=r"bad.parquet cannot be loaded: .*damaged"):
        opened(tmp_path / "bad.parquet")
    pq.write_table(pa.table({"label": [1, 2]}), tmp_path / "columns.parquet")
    with pytest.raises(DatasetError, match=r"0 columns of images; expected one. Its columns: label"):
        opened(tmp_path / "columns.parquet")
    pq.write_table(rows(10, (0, None)), tmp_path / "gap.parquet")
    with pytest.raises(DatasetError, match="row 1 has no class in column 'label'"):
        opened(tmp_path / "gap.parquet")


def test_a_row_cannot_name_a_file_to_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(image_bytes(0, 0))
    images = [{"bytes": None, "path": str(secret)}] * 20
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(
        pa.table({"image": pa.array(images, type=kind), "label": [0, 1] * 10}), tmp_path / "paths.parquet"
    )
    with pytest.raises(DatasetError, match=r"image in row \d+ of parquet:.* has no bytes"):
        opened(tmp_path / "paths.parquet")


def test_links_must_not_leave_the_roots(tmp_path: Path) -> None:
    (tmp_path / "roots").mkdir()
    pq.write_table(rows(40), tmp_path / "outside.parquet")
    (tmp_path / "roots" / "train.parquet").symlink_to(tmp_path / "outside.parquet")
    with pytest.raises(DatasetError, match="outside the folders"):
        open_dataset(f"parquet:{tmp_path / 'roots'}", Confinement((str(tmp_path / "roots"),)))


def test_a_hub_name_without_a_network_says_what_to_do(tmp_path: Path) -> None:
    code = "from nas_worker.data import open_dataset; open_dataset('hub:nobody/nothing')"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert "DatasetError: data set hub:nobody/nothing cannot be loaded: " in result.stderr
    assert "without a network, use a local copy" in result.stderr


@pytest.mark.parametrize("name", ["[old]", "a*b", "{b,c}", "[!x]"])
def test_a_path_is_no_pattern(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "roots" / name
    folder.mkdir(parents=True)
    (tmp_path / "roots" / "a-and-b").mkdir()
    pq.write_table(rows(40, (7, 3)), folder / "train.parquet")
    pq.write_table(rows(40, (1, 2)), tmp_path / "roots" / "a-and-b" / "train.parquet")
    for path in (folder, folder / "train.parquet"):
        dataset = opened(path)
        assert dataset.class_names == ("3", "7")
        assert len(dataset.train) == 32


def test_a_path_cannot_chain_to_another(tmp_path: Path) -> None:
    folder = tmp_path / "roots" / f"simplecache::{tmp_path}"
    folder.mkdir(parents=True)
    pq.write_table(rows(40), tmp_path / "outside.parquet")
    pq.write_table(rows(40), folder / "outside.parquet")
    with pytest.raises(DatasetError, match="must not have '::' in it"):
        open_dataset(f"parquet:{folder}", Confinement((str(tmp_path / "roots"),)))


@pytest.mark.parametrize("with_features", [False, True])
@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_class_without_training_images_is_refused(split: str, with_features: bool, tmp_path: Path) -> None:
    known = (0,) if with_features else (0, 2)
    pq.write_table(rows(20, known, with_features=with_features), tmp_path / "train.parquet")
    for other in ("validation", "test"):
        labels = (0, 1) if other == split else (0,)
        pq.write_table(rows(20, labels, with_features=with_features), tmp_path / f"{other}.parquet")
    expected = f"its {split} split has classes without a training image: '{'dog' if with_features else '1'}'$"
    with pytest.raises(DatasetError, match=expected):
        opened(tmp_path)


def test_many_classes_without_training_images_are_counted(tmp_path: Path) -> None:
    pq.write_table(rows(20), tmp_path / "train.parquet")
    pq.write_table(rows(20, range(20)), tmp_path / "test.parquet")
    with pytest.raises(DatasetError, match="image: '2', '3', '4', '5', '6' and 13 more"):
        opened(tmp_path)


def test_a_column_of_ids_is_not_taken_for_classes(tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        pq.write_table(rows(20, id=list(range(20))), tmp_path / f"{split}.parquet")
    assert opened(tmp_path).classes == 2
    with pytest.raises(DatasetError, match="column 'id' has another value for each of the 20 training"):
        opened(tmp_path, "?label=id")
