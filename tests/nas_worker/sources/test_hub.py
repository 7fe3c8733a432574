"""The hub, without a network: by copies in the cache of ``datasets``."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_worker.data import open_dataset
from nas_worker.errors import DatasetError
from nas_worker.sources.confinement import Confinement
from nas_worker.sources.encoded import EncodedDataset
from nas_worker.sources.hub_name import check_hub_name
from nas_worker.sources.name import Scheme, SourceName
from tests.nas_worker.sources.folders import class_folders, image_bytes

HUB_ONLY = Confinement((), allow_hub=True)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "cache"
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", cache)
    monkeypatch.setattr("datasets.config.DOWNLOADED_DATASETS_PATH", cache / "downloads")
    monkeypatch.setattr("nas_worker.sources.huggingface.HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "hub").mkdir()
    return cache


def keep_copy(cache: Path, images: list[dict[str, Any]]) -> None:
    """Leaves what a download of ``nobody/things`` would."""
    rows = {"image": images, "label": [i % 2 for i in range(len(images))]}
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
    table = datasets.Dataset.from_dict(rows, features=features)
    table.to_parquet(cache.parent / "table.parquet")
    builder = datasets.load_dataset_builder("parquet", data_files=str(cache.parent / "table.parquet"))
    builder.download_and_prepare()
    folder = cache / "nobody___things" / "default" / "0.0.0" / "abc"
    shutil.copytree(builder.cache_dir, folder)
    info = folder / "dataset_info.json"
    info.write_text(info.read_text().replace(builder.config.name, "default"))
    for path in folder.glob("*.arrow"):
        path.rename(path.with_name(path.name.replace("parquet-", "things-")))


def opened(confinement: Confinement) -> EncodedDataset:
    dataset = open_dataset("hub:nobody/things", confinement)
    assert isinstance(dataset, EncodedDataset)
    return dataset


def test_a_copy_in_the_cache_is_read(cache: Path) -> None:
    keep_copy(cache, [{"bytes": image_bytes(90 * (i % 2), i), "path": None} for i in range(40)])
    dataset = opened(HUB_ONLY)
    assert dataset.class_names == ("a", "b")
    assert len(dataset.train) == 32


def test_rows_may_name_downloaded_files_and_those_in_the_roots(cache: Path, tmp_path: Path) -> None:
    for place in (tmp_path / "hub", tmp_path / "roots"):
        folder = class_folders(place / "set", 20, classes=2)
        pairs = zip(sorted(folder.glob("class0/*")), sorted(folder.glob("class1/*")), strict=True)
        shutil.rmtree(cache, ignore_errors=True)
        keep_copy(cache, [{"bytes": None, "path": str(path)} for pair in pairs for path in pair])
        assert len(opened(Confinement((str(tmp_path / "roots"),), allow_hub=True)).train) == 32
    with pytest.raises(DatasetError, match=r"image in row \d+ of hub:nobody/things .*outside the folders"):
        opened(HUB_ONLY)


@pytest.mark.parametrize("confinement", [HUB_ONLY, Confinement(None, allow_hub=True)])
@pytest.mark.parametrize("through_link", [False, True])
def test_rows_name_no_other_file(
    confinement: Confinement, through_link: bool, cache: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "private.png"
    victim.write_bytes(image_bytes(0, 0))
    named = tmp_path / "hub" / "link.png" if through_link else victim
    if through_link:
        named.symlink_to(victim)
    keep_copy(cache, [{"bytes": None, "path": str(named)}] * 40)
    with pytest.raises(DatasetError, match=r"has no bytes, but names a file: .*outside the folders"):
        opened(confinement)


@pytest.mark.parametrize("confinement", [Confinement(()), Confinement(("/",)), Confinement()])
def test_the_hub_must_be_allowed(confinement: Confinement, cache: Path) -> None:
    keep_copy(cache, [{"bytes": image_bytes(0, i), "path": None} for i in range(40)])
    with pytest.raises(DatasetError, match="SPNAS_ALLOW_HUB=true lets it"):
        opened(confinement)


@pytest.mark.parametrize(
    "name",
    [
        "/etc",
        "./private",
        "../private",
        "private/",
        "~/private",
        "a/b/c",
        "a//b",
        "..",
        "a/..",
        ".hidden",
        "hf://datasets/a/b",
        "https://a.b",
        "zip://x::/etc/x.zip",
        "name\n",
        "a\\b",
        "a b",
        "ä/b",
    ],
)
def test_what_is_no_name_on_the_hub_is_refused(name: str) -> None:
    with pytest.raises(DatasetError, match="expected OWNER/NAME or NAME"):
        open_dataset(f"hub:{name}", HUB_ONLY)


@pytest.mark.parametrize("name", ["private", "owner/private"])
def test_a_folder_here_is_no_data_set_of_the_hub(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_folders(tmp_path / name, 10)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError, match=f"{name} is a file or folder here"):
        open_dataset(f"hub:{name}", HUB_ONLY)
    # Nor would one be read that appears after the check.
    monkeypatch.setattr("nas_worker.sources.huggingface.check_hub_name", lambda _: None)
    with pytest.raises(DatasetError, match=f"data set hub:{name} cannot be loaded"):
        open_dataset(f"hub:{name}", HUB_ONLY)


@pytest.mark.parametrize("name", sorted(datasets.packaged_modules._PACKAGED_DATASETS_MODULES))
def test_a_reader_of_files_is_no_data_set_of_the_hub(name: str) -> None:
    with pytest.raises(DatasetError, match=f"{name} reads files"):
        open_dataset(f"hub:{name}", HUB_ONLY)


@pytest.mark.parametrize("config", ["../x", "*", "a/b", "", "..", "[x]"])
def test_a_configuration_is_a_name_too(config: str) -> None:
    with pytest.raises(DatasetError, match="is no name of a configuration"):
        open_dataset(f"hub:nobody/things?config={config}", HUB_ONLY)


@pytest.mark.parametrize(
    "file", ["/etc/passwd", "file:///etc/passwd", "zip://*.png::/etc/x.zip", "https://x/y"]
)
def test_a_description_on_the_hub_names_files_on_the_hub_only(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What datasets makes of a README.md on the hub with such data_files, which no test can put there.
    files = {"train": ["hf://datasets/nobody/things@abc/a.parquet", "zip://a::hf://datasets/x/y.zip", file]}
    builder = SimpleNamespace(config=SimpleNamespace(data_files=files))
    monkeypatch.setattr(datasets, "load_dataset_builder", lambda **_: builder)
    with pytest.raises(DatasetError, match="names files that are not on the hub"):
        opened(HUB_ONLY)


@given(st.text(st.characters(codec="ascii"), min_size=1, max_size=30))
def test_no_accepted_name_leads_anywhere_else(name: str) -> None:
    try:
        check_hub_name(SourceName(Scheme.HUB, name))
    except DatasetError:
        return
    assert not Path(name).is_absolute()
    assert os.path.normpath(name) == name
    assert name.count("/") <= 1
    assert not set(name) & set("\\:*?[]~\0")


@pytest.mark.parametrize("name", ["mnist", "uoft-cs/cifar10", "ILSVRC/imagenet-1k", "a/b_c.d", "x/1"])
def test_usual_names_are_accepted(name: str) -> None:
    check_hub_name(SourceName(Scheme.HUB, name, config="20220301.en-US"))
