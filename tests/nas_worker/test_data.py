import subprocess
import sys

import numpy as np
import pytest

from nas_worker.data import dataset_names, load_dataset
from nas_worker.errors import UnknownNameError

DIGITS = "743a5eabace6e006e821b9324a04c67323b4b8d31fc19d5b67061ff5573d710e"
TRANSLATED_DIGITS = "e395572b0cbff1c6ae8f3961ab1d4afa5a571ce5899bdb40f7173a00c20fab75"


def test_unknown_dataset_lists_the_known() -> None:
    assert "digits" in dataset_names()
    with pytest.raises(UnknownNameError, match=r"unknown dataset 'digit'; known: .*digits"):
        load_dataset("digit")


def test_names_do_not_load_torch() -> None:
    code = "import sys, nas_worker.data as d; d.dataset_names(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_digits_are_split_the_same_way_everywhere() -> None:
    digits = load_dataset("digits")
    assert digits.fingerprint == DIGITS
    assert (len(digits.train), len(digits.validation), len(digits.test)) == (1200, 300, 297)
    assert digits.train.images.shape == (1200, 1, 8, 8)
    assert digits.train.images.dtype == np.float32
    assert (digits.train.images.min(), digits.train.images.max()) == (0, 1)
    for split in (digits.train, digits.validation, digits.test):
        assert set(split.labels) == set(range(digits.classes))


def test_fingerprint_covers_labels_and_split() -> None:
    digits = load_dataset("digits")
    digits.validation.labels[0] += 1
    assert digits.fingerprint != DIGITS


def test_translated_digits_are_the_same_everywhere() -> None:
    translated = load_dataset("translated_digits")
    assert translated.fingerprint == TRANSLATED_DIGITS
    assert [len(split) for split in (translated.train, translated.validation, translated.test)] == [
        4800,
        1200,
        1188,
    ]


def test_translated_digits_keep_each_digit_whole_and_in_its_split() -> None:
    translated, digits = load_dataset("translated_digits"), load_dataset("digits")
    for split in ("train", "validation", "test"):
        made, source = getattr(translated, split), getattr(digits, split)
        assert made.images.shape[1:] == (1, 16, 16)
        windows = np.lib.stride_tricks.sliding_window_view(made.images[:, 0], (1, 8, 8))
        for index, (places, canvas) in enumerate(zip(windows, made.images, strict=True)):
            digit = index % len(source)
            assert (places == source.images[digit, 0]).all((2, 3, 4)).any()
            assert canvas.sum() == pytest.approx(source.images[digit].sum())
            assert made.labels[index] == source.labels[digit]


def test_translated_digits_stand_at_every_place() -> None:
    images = load_dataset("translated_digits").train.images[:, 0]
    centres = np.indices((16, 16)).reshape(2, -1) @ images.reshape(-1, 256).T / images.sum((1, 2))
    for coordinate in centres:
        assert coordinate.min() < 4.5
        assert coordinate.max() > 10.5
