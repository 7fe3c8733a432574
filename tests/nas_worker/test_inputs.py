from dataclasses import replace

import pytest
import torch

from nas_worker.data import load_dataset
from nas_worker.inputs import search_inputs, training_sources

DIGITS = load_dataset("digits")
CPU = torch.device("cpu")


def test_training_images_are_normalised_and_validation_by_the_same_numbers() -> None:
    train, validation = search_inputs(DIGITS, None, None, CPU)
    assert train.images.mean().item() == pytest.approx(0, abs=1e-5)
    assert train.images.std().item() == pytest.approx(1, abs=1e-5)
    original = torch.from_numpy(DIGITS.train.images)
    expected = (torch.from_numpy(DIGITS.validation.images) - original.mean()) / original.std()
    torch.testing.assert_close(validation.images, expected, rtol=1e-4, atol=1e-5)
    assert validation.labels.tolist() == DIGITS.validation.labels.tolist()
    assert train.images.is_contiguous(memory_format=torch.channels_last)


def test_images_are_resized_and_cut_to_a_number() -> None:
    train, validation = search_inputs(DIGITS, 16, 50, CPU)
    assert train.images.shape == (50, 1, 16, 16)
    assert train.labels.tolist() == DIGITS.train.labels[:50].tolist()
    assert validation.images.shape == (300, 1, 16, 16)


@pytest.mark.parametrize("count", [1, 7, 512, 1200, 5000])
def test_spread_covers_the_split(count: int) -> None:
    train, _ = search_inputs(DIGITS, None, None, CPU)
    spread = train.spread(count)
    assert min(count, 400) <= len(spread) <= count
    assert torch.equal(spread[0], train.images[0])


def test_take_keeps_images_and_labels_together() -> None:
    train, _ = search_inputs(DIGITS, None, None, CPU)
    batch = train.take(torch.tensor([5, 3]))
    assert torch.equal(batch.images, train.images[[5, 3]])
    assert batch.labels.tolist() == DIGITS.train.labels[[5, 3]].tolist()


@pytest.mark.parametrize(("size", "count"), [(None, None), (12, 50)])
def test_all_splits_are_those_of_a_search_and_the_test_split_alike(
    size: int | None, count: int | None
) -> None:
    sources = training_sources(DIGITS, size, count, CPU)
    for other, (split, expected) in {
        "validation": (sources.validation, DIGITS.validation),
        "test": (sources.test, DIGITS.test),
    }.items():
        train, found = search_inputs(replace(DIGITS, validation=expected), size, count, CPU)
        for got, wanted in ((sources.train, train), (split, found)):
            assert torch.equal(next(got.in_order(5000)).images, wanted.images), other
            assert torch.equal(got.labels, wanted.labels), other
    raw = torch.from_numpy(DIGITS.train.images)[:count]
    if size is None:
        assert (sources.mean[0], sources.scale[0]) == pytest.approx(
            (float(raw.mean()), float(raw.std())), rel=1e-5
        )
