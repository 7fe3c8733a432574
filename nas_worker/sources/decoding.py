"""Encoded images to pixels, by Pillow."""

import io
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from nas_worker.errors import DatasetError

Mode = Literal["L", "RGB"]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

_GREY = ("1", "L", "LA")
_WITHOUT_RANGE = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
"""Pillow's modes of more than eight bits, which it would cut off and not scale."""


def open_image(raw: bytes, where: str) -> Image.Image:
    """A decoded image.

    Args:
        raw: A file of a format that Pillow reads.
        where: Which one it is, for errors.

    Raises:
        DatasetError: It cannot be decoded, or has more than eight bits a channel.
    """
    try:
        image = Image.open(io.BytesIO(raw))
        image.load()
    # Pillow's readers of single formats raise all of these on damaged files.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        reason = "no format that Pillow reads" if isinstance(error, UnidentifiedImageError) else error
        raise DatasetError(f"image {where} cannot be decoded: {reason}") from error
    if image.mode in _WITHOUT_RANGE:
        raise DatasetError(f"image {where} has mode {image.mode}; expected eight bits a channel")
    return image


def mode_of(images: list[Image.Image]) -> Mode:
    """Grey if every image is."""
    return "L" if all(image.mode in _GREY for image in images) else "RGB"


def common_size(images: list[Image.Image]) -> int | None:
    """Side that all of them are square with, in pixels; None: they are not."""
    sides = {side for image in images for side in image.size}
    return sides.pop() if len(sides) == 1 else None


def centre_box(image: Image.Image, share: float) -> Box:
    """The square in the middle whose side is this share of the image's shorter one."""
    width, height = image.size
    side = share * min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def pixels(image: Image.Image, mode: Mode, box: Box, size: int) -> NDArray[np.uint8]:
    """A part of an image, resized with antialiasing: size x size x channels."""
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode != mode:
        image = image.convert(mode)
    if image.size != (size, size) or box != (0, 0, size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR, box)
    return np.asarray(image).reshape(size, size, len(mode))
