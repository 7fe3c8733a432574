"""Small data sets of files: the class of an image is its colour or grey."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 16


def image_bytes(value: int, seed: int, *, colour: bool = True, size: tuple[int, int] = (SIDE, SIDE)) -> bytes:
    """A PNG of noise around a value; in colour it is the red channel that has it."""
    random = np.random.default_rng(seed)
    noise = random.integers(0, 60, (*size[::-1], 3), dtype=np.uint8)
    noise[..., 0] += np.uint8(value)
    image = Image.fromarray(noise if colour else noise[..., 0])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def class_folders(
    root: Path, per_class: int, *, classes: int = 3, colour: bool = True, size: tuple[int, int] = (SIDE, SIDE)
) -> Path:
    """A folder for each class with PNG files in it."""
    for label in range(classes):
        folder = root / f"class{label}"
        folder.mkdir(parents=True)
        for number in range(per_class):
            raw = image_bytes(60 * label, 1000 * label + number + len(str(root)), colour=colour, size=size)
            (folder / f"{number:03}.png").write_bytes(raw)
    return root
