"""Random parts of images (Szegedy et al. 2015, "Going deeper with convolutions"), as MnasNet trains on."""

import math

import numpy as np

SMALLEST_AREA = 0.08
ASPECTS = (3 / 4, 4 / 3)
_TRIES = 10

Box = tuple[float, float, float, float]


def random_box(width: int, height: int, random: np.random.Generator) -> Box:
    """Left, top, right, bottom of a part of random area, 8 to 100 %, and width over height, 3/4 to 4/3."""
    for _ in range(_TRIES):
        area = random.uniform(SMALLEST_AREA, 1) * width * height
        aspect = math.exp(random.uniform(math.log(ASPECTS[0]), math.log(ASPECTS[1])))
        part_width, part_height = math.sqrt(area * aspect), math.sqrt(area / aspect)
        if part_width <= width and part_height <= height:
            left = random.uniform(0, width - part_width)
            top = random.uniform(0, height - part_height)
            return left, top, left + part_width, top + part_height
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def random_flip(random: np.random.Generator) -> bool:
    """Whether to flip left to right; one of two cases."""
    return bool(random.integers(2))
