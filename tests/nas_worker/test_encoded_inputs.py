from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nas_worker.data import load_dataset, open_dataset
from nas_worker.errors import DatasetError, SearchError
from nas_worker.inputs import Sources, training_sources
from nas_worker.job import EpochReport
from nas_worker.search import run_search
from tests.nas_worker.jobs import comparable, small_job
from tests.nas_worker.sources.folders import class_folders

CPU = torch.device("cpu")
DIGITS = load_dataset("digits")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return class_folders(tmp_path_factory.mktemp("images"), 20)


def sources(folder: Path, size: int | None = None, augmentation: Any = "auto") -> Sources:
    return training_sources(open_dataset(f"imagefolder:{folder}"), size, None, CPU, augmentation)


def test_batches_are_the_images_in_the_order_asked_for(folder: Path) -> None:
    train = sources(folder, augmentation="none").train
    groups = [torch.tensor([4, 0, 7]), torch.tensor([1]), *[torch.tensor([i]) for i in range(10)]]
    everything = torch.cat([batch.images for batch in train.in_order(5)])
    assert everything.shape == (48, 3, 16, 16)
    batches = list(train.batches(groups, (0,)))
    for batch, group in zip(batches, groups, strict=True):
        assert torch.equal(batch.images, everything[group])
        assert torch.equal(batch.labels, train.labels[group])
        assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert everything.mean((0, 2, 3)).abs().max() < 1e-5
    assert everything.std((0, 2, 3)).sub(1).abs().max() < 1e-3
    assert torch.equal(train.spread(4), everything[::12])


def test_a_part_has_the_images_at_the_indices(folder: Path) -> None:
    places = torch.arange(48)[1::2]
    for train in (sources(folder, augmentation="none").train, training_sources(DIGITS, None, 48, CPU).train):
        whole, half = next(train.in_order(48)), next(train.take(places).in_order(48))
        assert torch.equal(half.images, whole.images[places])
        assert torch.equal(half.labels, whole.labels[places])
        assert len(train.take(places)) == 24


def test_augmentation_follows_from_seed_and_image_not_from_batches_or_threads(folder: Path) -> None:
    train = sources(folder, 32).train
    alone = [batch.images for batch in train.batches([torch.tensor([3]), torch.tensor([5])], (1, 2))]
    torch.set_num_threads(2)
    try:
        (together,) = train.batches([torch.tensor([5, 3])], (1, 2))
    finally:
        torch.set_num_threads(1)
    assert torch.equal(together.images, torch.cat([alone[1], alone[0]]))
    (other,) = train.batches([torch.tensor([5, 3])], (1, 3))
    assert not torch.equal(other.images, together.images)


def test_auto_augments_colour_and_not_grey(folder: Path, tmp_path: Path) -> None:
    grey = sources(class_folders(tmp_path / "grey", 5, colour=False)).train
    (first,), (again,) = grey.batches([torch.tensor([0])], (1,)), grey.batches([torch.tensor([0])], (2,))
    assert torch.equal(first.images, again.images)
    with pytest.raises(SearchError, match="data set digits is not augmented"):
        training_sources(DIGITS, None, None, CPU, "crop_flip")


def test_images_of_many_sizes_need_one(tmp_path: Path) -> None:
    class_folders(tmp_path / "set", 5, size=(20, 30))
    with pytest.raises(SearchError, match="differ in size or are not square: give image_size"):
        sources(tmp_path / "set")
    assert sources(tmp_path / "set", 24).test.shape == (3, 24, 24)


@pytest.mark.parametrize("damage", [b"nonsense", None])
def test_an_unreadable_image_is_named(damage: bytes | None, tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "set", 60)
    dataset = open_dataset(f"imagefolder:{folder}")
    splits = training_sources(dataset, None, None, CPU, "none")
    path = folder / "class1" / "007.png"
    path.write_bytes(path.read_bytes()[:60] if damage is None else damage)
    everything = chain(splits.train.in_order(16), splits.validation.in_order(16), splits.test.in_order(16))
    with pytest.raises(DatasetError, match=f"image {path} cannot be decoded: "):
        list(everything)


def test_a_search_runs_on_files_and_resumes_bit_equal(folder: Path, tmp_path: Path) -> None:
    job = small_job(epochs=2, dataset=f"imagefolder:{folder}", batch_size=16)
    whole: list[EpochReport] = []
    run_search(job, on_epoch=whole.append, checkpoint_dir=tmp_path)
    rest: list[EpochReport] = []
    run_search(job, on_epoch=rest.append, resume_from=whole[0].checkpoint)
    assert comparable(rest) == comparable(whole)[1:]
    assert np.isfinite(whole[1].cross_entropy)
