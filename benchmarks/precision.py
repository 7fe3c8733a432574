"""Step time of the supernet by memory format and precision, over float32 with channels last.

    python -m benchmarks.precision [--quick] [--json FILE]

The variants take turns, a step each; a figure is the median of the ratios within a round.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks._publish import print_figures, write_json
from benchmarks._step_cost import Step, random_batch, single_path_step
from nas_worker.job import Precision
from nas_worker.search import torch_settings
from nas_worker.space import MacroArchitecture

REFERENCE = "float32_channels_last"
VARIANTS: dict[str, tuple[Precision, torch.memory_format]] = {
    REFERENCE: ("float32", torch.channels_last),
    "float32_contiguous": ("float32", torch.contiguous_format),
    "bfloat16_channels_last": ("bfloat16", torch.channels_last),
}
SIZES = ((0.25, 8), (0.25, 32), (0.5, 64))
"""(width, image size)."""
_BATCH = 32
_WARM_UP_STEPS = 2


def figures_of(width: float, image_size: int, rounds: int) -> dict[str, float]:
    """Step time of each variant and its ratio to the reference, at one size."""
    macro = MacroArchitecture(width, image_size, 3, 10)
    steps: dict[str, Step] = {}
    for variant, (precision, memory_format) in VARIANTS.items():
        images, labels = random_batch(image_size, _BATCH)
        steps[variant] = single_path_step(
            macro, images.contiguous(memory_format=memory_format), labels, precision=precision
        )
    for step in steps.values():
        for _ in range(_WARM_UP_STEPS):
            step()
    seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for _ in range(rounds):
        for variant, step in steps.items():
            start = time.process_time()
            step()
            seconds[variant].append(time.process_time() - start)
    reference = np.array(seconds[REFERENCE])
    place = f"width_{width:g}_image_{image_size}"
    figures = {f"{place}.{REFERENCE}.cpu_ms": 1e3 * float(np.median(reference))}
    for variant in VARIANTS:
        if variant != REFERENCE:
            ratio = float(np.median(np.array(seconds[variant]) / reference))
            figures[f"{place}.{variant}.cpu_time_over_{REFERENCE}"] = ratio
    return figures


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.precision", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds; ends within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    arguments = parser.parse_args()
    rounds = 3 if arguments.quick else 15
    figures: dict[str, float] = {}
    with torch_settings(threads=1):
        for width, image_size in SIZES:
            figures |= figures_of(width, image_size, rounds)
    print_figures(figures)
    if arguments.json is not None:
        settings = {"batch": _BATCH, "rounds": rounds}
        write_json(arguments.json, "precision", ("torch",), settings, figures)


if __name__ == "__main__":
    main()
