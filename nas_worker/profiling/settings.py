"""What a latency profile is measured with. A profile is the same only where all of this is."""

import os
import platform
from functools import cached_property
from importlib.metadata import version
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nas_worker.space import MacroArchitecture

BackendName = Literal["torch", "torch-cuda", "onnxruntime"]
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)

Clock = Literal["wall", "cpu"]

Count = Annotated[int, Field(ge=1, le=100_000)]


class ProfileSettings(BaseModel):
    """How to measure.

    Attributes:
        backend: What runs the networks: ``torch`` and ``onnxruntime`` on the CPU, ``torch-cuda`` on a GPU.
        clock: ``wall``, what a user waits; or ``cpu``, time that the calling thread worked, which other
            work on the machine changes less. The latter is for one thread of a CPU.
        threads: Threads of the back end on the CPU.
        batch_size: Images at a time.
        image_size: Side of the images in pixels.
        width: Width multiplier.
        classes: Outputs of the classifier.
        warm_up: Runs that are not timed, at each visit of a network.
        repeats: Timed runs at each visit.
        rounds: Each visits all networks, in an order of its own: a ConvNet once, a layer several times.
        calibration: Random ConvNets whose runtimes tell the base.
        evaluation: Further random ConvNets, on which the latency model is tested (Fig. 4).
        seed: Of weights, ConvNets and orders.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: BackendName = "torch"
    clock: Clock = "wall"
    threads: Count = 1
    batch_size: Count = 1
    image_size: Annotated[int, Field(ge=8, le=4096)] = 224
    width: Annotated[float, Field(ge=0.05, le=10, allow_inf_nan=False)] = 1.0
    classes: Count = 1000
    warm_up: Annotated[int, Field(ge=0, le=100_000)] = 1
    repeats: Count = 3
    rounds: Count = 20
    calibration: Count = 16
    evaluation: Annotated[int, Field(ge=0, le=100_000)] = 0
    seed: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _clock_sees_all_the_work(self) -> Self:
        if self.clock == "cpu" and (self.threads > 1 or self.backend == "torch-cuda"):
            raise ValueError("clock cpu sees one thread of a CPU only; use the wall clock here")
        return self

    @cached_property
    def macro(self) -> MacroArchitecture:
        """The network around the layers."""
        return MacroArchitecture(self.width, self.image_size, 3, self.classes)


def environment(backend: BackendName, device: str) -> dict[str, str]:
    """The machine and the versions that a measurement was made with.

    Args:
        backend: What ran the networks.
        device: What they ran on, as the back end calls it.
    """
    packages = {"torch", backend} - {"torch-cuda"}
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        "device": device,
        **{package: version(package) for package in sorted(packages)},
    }
