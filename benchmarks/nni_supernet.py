"""Images per second of a search against NNI's one-shot searches of the same macro-architecture.

    python -m benchmarks.nni_supernet --python PYTHON [--quick] [--json FILE]

NNI 3.0 needs an older Python and torch, so it gets an environment of its own, and PYTHON is the one of that:

    python3.10 -m venv nni && nni/bin/pip install nni==3.0 torch==2.0.1 'numpy<2' 'pytorch_lightning<2.1'

The searches take turns, a step each. A step of ours trains weights and thresholds on a batch of images. One
of NNI's trains path weights on a batch and weights on another; the images of the second count. ``DARTS``
computes all paths. ``Proxyless`` computes one that is drawn anew for each batch, and in the backward pass all
others too, which path weights learn from.
"""

import argparse
import json
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from benchmarks._publish import print_figures, write_json
from benchmarks._step_cost import SINGLE_PATH, training_step
from nas_worker.search import torch_settings
from nas_worker.space import MBCONV_TYPES, MacroArchitecture

STRATEGIES = ("proxyless", "darts")
_STEP = Path(__file__).with_name("_nni_step.py")
_WARM_UP_STEPS = 2


class Peer:
    """A search of NNI's in a process of its own.

    Args:
        python: That has NNI.
        strategy: One of ``STRATEGIES``.
        configuration: As ``_nni_step.py`` takes it.

    Raises:
        RuntimeError: It does not come up.
    """

    def __init__(self, python: str, strategy: str, configuration: dict[str, Any]) -> None:
        command = [python, str(_STEP), strategy, json.dumps(configuration)]
        self._process = subprocess.Popen(  # noqa: S603 - this program
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            ready = self._read()
        except RuntimeError:
            self._end()
            raise RuntimeError(f"{python} does not run NNI; see above") from None
        self.torch = ready.split()[1]

    def __enter__(self) -> Self:
        """The search, which is ready."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the process."""
        self._end()

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()  # which closes its pipes too

    def step(self) -> tuple[float, float]:
        """(wall, CPU) seconds of a step."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        wall, cpu = map(float, self._read().split())
        return wall, cpu

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("NNI's process ended")
        return line


def configuration_of(macro: MacroArchitecture, batch: int) -> dict[str, Any]:
    """The macro-architecture and the candidates, as JSON values."""
    return {
        "image_channels": macro.image_channels,
        "image_size": macro.image_size,
        "classes": macro.classes,
        "batch": batch,
        "stem_stride": macro.stem_stride,
        "head_channels": macro.head_channels,
        "layers": [
            {
                "in": layer.in_channels,
                "out": layer.out_channels,
                "stride": layer.stride,
                "residual": layer.residual,
            }
            for layer in macro.layers
        ],
        "types": [(kind.kernel, kind.expansion, kind.se_ratio) for kind in MBCONV_TYPES],
    }


def figures_of(
    python: str, strategy: str, macro: MacroArchitecture, batch: int, rounds: int
) -> dict[str, float]:
    """Images per second of both, and their ratio, the median over rounds.

    Raises:
        RuntimeError: NNI does not run.
    """
    ours = training_step(SINGLE_PATH, macro.width, macro.image_size, batch)
    rows = []
    with Peer(python, strategy, configuration_of(macro, batch)) as peer, torch_settings(threads=1):
        for _ in range(_WARM_UP_STEPS):
            ours()
        for _ in range(rounds):
            wall, cpu = time.perf_counter(), time.process_time()
            ours()
            rows.append((time.perf_counter() - wall, time.process_time() - cpu, *peer.step()))
    own_wall, own_cpu, wall, cpu = np.array(rows).T
    return {
        "images_per_second": batch / float(np.median(own_wall)),
        f"nni_{strategy}.images_per_second": batch / float(np.median(wall)),
        f"images_per_second_over_nni_{strategy}": float(np.median(wall / own_wall)),
        f"images_per_cpu_second_over_nni_{strategy}": float(np.median(cpu / own_cpu)),
    }


def main() -> None:
    """Measures and reports."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.nni_supernet",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--python", required=True, help="interpreter of the environment that has NNI")
    parser.add_argument("--quick", action="store_true", help="fewer rounds; ends within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--batch", type=int, default=32)
    arguments = parser.parse_args()
    rounds = 3 if arguments.quick else 15
    macro = MacroArchitecture(arguments.width, arguments.image_size, 3, 10)
    figures: dict[str, float] = {}
    for strategy in STRATEGIES:
        try:
            figures |= figures_of(arguments.python, strategy, macro, arguments.batch, rounds)
        except RuntimeError as error:
            parser.exit(1, f"{error}\n")
    print_figures(figures)
    if arguments.json is not None:
        settings = {
            "width": arguments.width,
            "image_size": arguments.image_size,
            "batch": arguments.batch,
            "rounds": rounds,
        }
        write_json(arguments.json, "nni_supernet", ("torch",), settings, figures)


if __name__ == "__main__":
    main()
