import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas_worker.data import open_dataset
from nas_worker.errors import DatasetError
from nas_worker.sources.confinement import Confinement
from nas_worker.sources.encoded import EncodedDataset, EncodedSplit
from tests.nas_worker.sources.folders import class_folders, image_bytes


def opened(root: Path, confinement: Confinement | None = None) -> EncodedDataset:
    dataset = open_dataset(f"imagefolder:{root}", confinement or Confinement())
    assert isinstance(dataset, EncodedDataset)
    return dataset


def paths(split: EncodedSplit) -> list[str]:
    return [split.images.where(int(index)) for index in split.indices]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return class_folders(tmp_path / "data", 10)


def test_class_folders_are_split_in_three_with_each_class_in_each(folder: Path) -> None:
    dataset = opened(folder)
    assert dataset.class_names == ("class0", "class1", "class2")
    assert (dataset.mode, dataset.channels, dataset.native_size) == ("RGB", 3, 16)
    splits = (dataset.train, dataset.validation, dataset.test)
    assert [len(split) for split in splits] == [24, 3, 3]
    assert sorted(path for split in splits for path in paths(split)) == sorted(
        map(str, folder.rglob("*.png"))
    )
    for split in splits:
        assert set(split.labels) == {0, 1, 2}
        for path, label in zip(paths(split), split.labels, strict=True):
            assert Path(path).parent.name == f"class{label}"
    assert sorted(dataset.train.labels) != list(dataset.train.labels)


def test_imagenets_layout_takes_val_for_testing_and_passes_over_an_unlabelled_test(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", 20)
    class_folders(tmp_path / "val", 4)
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "unlabelled.png").write_bytes(image_bytes(0, 0))
    dataset = opened(tmp_path)
    assert {path.split("/")[-3] for path in paths(dataset.test)} == {"val"}
    assert {path.split("/")[-3] for path in paths(dataset.train) + paths(dataset.validation)} == {"train"}
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (54, 6, 12)
    assert not set(paths(dataset.train)) & set(paths(dataset.validation))


def test_three_splits_are_taken_as_they_are(tmp_path: Path) -> None:
    for split, count in (("train", 5), ("valid", 3), ("test", 2)):
        class_folders(tmp_path / split, count)
    dataset = opened(tmp_path)
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == (15, 9, 6)
    assert {path.split("/")[-3] for path in paths(dataset.validation)} == {"valid"}


def test_the_fingerprint_is_the_same_anywhere_and_changes_with_any_file(folder: Path, tmp_path: Path) -> None:
    before = opened(folder).fingerprint
    folder.rename(tmp_path / "moved")
    moved = tmp_path / "moved"
    assert opened(moved).fingerprint == before
    changed = moved / "class1" / "004.png"
    original = changed.read_bytes()
    changed.write_bytes(bytes([*original[:-1], original[-1] ^ 1]))
    assert opened(moved).fingerprint != before
    changed.write_bytes(original)
    assert opened(moved).fingerprint == before
    changed.rename(moved / "class0" / "999.png")
    assert opened(moved).fingerprint != before


def test_grey_images_have_one_channel(tmp_path: Path) -> None:
    assert opened(class_folders(tmp_path, 4, colour=False)).channels == 1


def test_images_of_different_sizes_have_no_native_size(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        path.write_bytes(image_bytes(0, 0, size=(16 + len(path.stem), 16)))
    assert opened(folder).native_size is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("imagefolder:", "expected a path after imagefolder:"),
        ("imagefolder:missing", "there is no folder missing"),
        ("hub:mnist?split=x", "unknown option 'split'; known: label, config"),
    ],
)
def test_names_that_lead_nowhere(
    name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match=says):
        open_dataset(name)


def test_bad_folders_are_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    with pytest.raises(
        DatasetError, match=f"{tmp_path / 'flat'} has no folders; expected one for each class"
    ):
        opened(tmp_path / "flat")
    (folder / "class9").mkdir()
    with pytest.raises(
        DatasetError, match=f"class folder {folder / 'class9'} holds no image; expected files"
    ):
        opened(folder)
    (folder / "class9" / "one.png").write_bytes(image_bytes(0, 0))
    with pytest.raises(DatasetError, match="class class9 has too few images"):
        opened(folder)


def test_a_class_that_only_the_test_split_has_is_refused(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", 4, classes=2)
    class_folders(tmp_path / "val", 4, classes=3)
    with pytest.raises(DatasetError, match=r"val/class2 is a class that .*train does not have"):
        opened(tmp_path)


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="has 1 class; at least two are needed"):
        opened(class_folders(tmp_path, 4, classes=1))


@pytest.mark.parametrize("link", ["root", "class", "file"])
def test_links_must_not_leave_the_roots(link: str, folder: Path, tmp_path: Path) -> None:
    roots = Confinement((str(tmp_path / "roots"),))
    inside = class_folders(tmp_path / "roots" / "inside", 4)
    assert len(opened(inside, roots).train) == 6
    match link:
        case "root":
            (inside.parent / "link").symlink_to(folder)
            inside = inside.parent / "link"
        case "class":
            (inside / "class3").symlink_to(folder / "class0")
        case "file":
            (inside / "class0" / "link.png").symlink_to(folder / "class0" / "000.png")
    assert len(opened(inside).train) > 0
    with pytest.raises(DatasetError, match="outside the folders that data sets may be read from"):
        opened(inside, roots)
    with pytest.raises(DatasetError, match="outside the folders"):
        opened(inside, Confinement(()))


def test_a_file_that_becomes_a_link_after_the_listing_is_not_read(folder: Path, tmp_path: Path) -> None:
    dataset = opened(folder, Confinement((str(folder),)))
    victim = tmp_path / "secret.png"
    victim.write_bytes(image_bytes(0, 0))
    index = int(dataset.train.indices[0])
    path = Path(dataset.train.images.where(index))
    path.unlink()
    path.symlink_to(victim)
    with pytest.raises(DatasetError, match="outside the folders"):
        dataset.train.images.read(index)


def test_splits_depend_on_the_files_alone(folder: Path) -> None:
    first, again = opened(folder), opened(folder)
    assert np.array_equal(first.train.indices, again.train.indices)
    assert first.fingerprint == again.fingerprint


@pytest.mark.parametrize(
    ("name", "package"), [("imagefolder:x", "PIL"), ("parquet:x", "datasets"), ("hub:x", "datasets")]
)
def test_a_missing_extra_is_named(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DatasetError, match=rf"{name} needs {package}: pip install 'spnas-tuner\[datasets\]'"):
        open_dataset(name)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_split_that_is_a_link_to_outside_is_not_even_listed(
    split: str, folder: Path, tmp_path: Path
) -> None:
    inside = tmp_path / "roots"
    for name in {"train", "val", "test"} - {split}:
        class_folders(inside / name, 4)
    (inside / split).symlink_to(folder)
    (folder / "private-name").mkdir()
    with pytest.raises(DatasetError, match=rf"{split} lies outside the folders") as caught:
        opened(inside, Confinement((str(inside),)))
    assert "private-name" not in str(caught.value)


@pytest.mark.parametrize("has_proc", [True, False])
def test_a_link_that_appears_between_check_and_opening_is_not_read(
    has_proc: bool, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_proc:
        monkeypatch.setattr("nas_worker.sources.confinement._OPEN_FILES", tmp_path / "missing")
    dataset = opened(folder, Confinement((str(folder),)))
    index = int(dataset.train.indices[0])
    path = Path(dataset.train.images.where(index))
    content = path.read_bytes()
    assert dataset.train.images.read(index) == content
    victim = tmp_path / "secret.png"
    victim.write_bytes(image_bytes(0, 0))
    check = Confinement.check

    def check_and_swap(confinement: Confinement, checked: Path) -> Path:
        check(confinement, checked)
        path.unlink()
        path.symlink_to(victim)
        return checked

    monkeypatch.setattr(Confinement, "check", check_and_swap)
    with pytest.raises(DatasetError, match="outside the folders"):
        dataset.train.images.read(index)


def test_a_file_that_is_swapped_back_is_noticed_without_proc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas_worker.sources.confinement._OPEN_FILES", tmp_path / "missing")
    path, victim = tmp_path / "roots" / "image.png", tmp_path / "secret.png"
    path.parent.mkdir()
    path.write_bytes(b"image")
    victim.write_bytes(b"secret")
    plain_open = Path.open

    def open_another(_: Path, *args: Any) -> Any:
        return plain_open(victim, *args)

    monkeypatch.setattr(Path, "open", open_another)
    with pytest.raises(DatasetError, match="exchanged while it was read"):
        Confinement((str(path.parent),)).read(path)
