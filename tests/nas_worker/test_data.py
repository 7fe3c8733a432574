import subprocess
import sys

import numpy as np
import pytest

from nas_worker.data import dataset_names, load_dataset
from nas_worker.errors import UnknownNameError

DIGITS = "743a5eabace6e006e821b9324a04c67323b4b8d31fc19d5b67061ff5573d710e"


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
