import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas_worker.augmentation import random_box
from nas_worker.errors import DatasetError
from nas_worker.sources.decoding import centre_box, common_size, mode_of, open_image, pixels


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


RED = Image.new("RGB", (12, 8), (250, 10, 10))


@pytest.mark.parametrize(
    ("raw", "mode"),
    [
        (encoded(RED), "RGB"),
        (encoded(RED, "JPEG"), "RGB"),
        (encoded(RED.convert("CMYK"), "JPEG"), "RGB"),
        (encoded(RED.convert("RGBA")), "RGB"),
        (encoded(RED.convert("P"), transparency=b"\x00\x80"), "RGB"),
        (encoded(RED.convert("L")), "L"),
        (encoded(RED.convert("1")), "L"),
    ],
)
def test_images_of_all_kinds_become_bytes_of_one_mode(raw: bytes, mode: str) -> None:
    image = open_image(raw, "here")
    assert mode_of([image]) == mode
    found = pixels(image, mode_of([image]), centre_box(image, 1.0), 6)
    assert found.shape == (6, 6, len(mode))
    assert found.dtype == np.uint8
    if mode == "RGB":
        assert found[..., 0].min() > 200
        assert found[..., 1].max() < 60


def test_one_colour_image_makes_all_of_them_colour() -> None:
    images = [open_image(encoded(image), "here") for image in (RED.convert("L"), RED)]
    assert mode_of(images) == "RGB"
    assert pixels(images[0], "RGB", centre_box(images[0], 1.0), 8).shape == (8, 8, 3)
    assert common_size(images) is None


def test_sixteen_bits_are_refused_and_not_cut_off() -> None:
    deep = Image.fromarray(np.full((4, 4), 40_000, np.uint16))
    with pytest.raises(DatasetError, match="image here has mode I;16; expected eight bits a channel"):
        open_image(encoded(deep), "here")


@pytest.mark.parametrize("raw", [b"", b"GIF89a", encoded(RED)[:50], encoded(RED, "JPEG")[:200]])
def test_what_cannot_be_decoded_is_named(raw: bytes) -> None:
    with pytest.raises(DatasetError, match="image here cannot be decoded: "):
        open_image(raw, "here")


def test_the_middle_is_square() -> None:
    assert centre_box(RED, 1.0) == (2, 0, 10, 8)
    assert centre_box(RED, 0.5) == (4, 2, 8, 6)


@pytest.mark.parametrize(("width", "height"), [(500, 375), (8, 8), (1000, 10)])
def test_random_parts_lie_inside_and_differ(width: int, height: int) -> None:
    random = np.random.default_rng(0)
    boxes = [random_box(width, height, random) for _ in range(200)]
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= width + 1e-9
        assert 0 <= top < bottom <= height + 1e-9
        assert 3 / 4 - 1e-9 <= (right - left) / (bottom - top) <= 4 / 3 + 1e-9
    areas = [(right - left) * (bottom - top) / (width * height) for left, top, right, bottom in boxes]
    if width < 1000:
        assert min(areas) < 0.2
        assert max(areas) > 0.8
