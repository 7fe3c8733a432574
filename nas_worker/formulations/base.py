"""What every formulation of the search is: a course of epochs, and the ConvNet that its state holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from nas_worker.checkpoint import Resumable
from nas_worker.convnet import ConvNet
from nas_worker.job import SearchJob, SearchSettings
from nas_worker.sources.confinement import Confinement
from nas_worker.space import Architecture, MacroArchitecture


class Search(Resumable, Protocol):
    """One search, which ``run_search`` takes through its epochs.

    Random numbers of an epoch depend on (seed, epoch) alone, so a state holds none.
    """

    def train(self, epoch: int, should_stop: Callable[[], bool]) -> float | None:
        """One epoch.

        Args:
            epoch: From 1.
            should_stop: Asked before each step.

        Returns:
            Mean training cross-entropy of the epoch in nats, or None when it was told to stop.

        Raises:
            DivergedError: The loss is not finite.
        """

    def evaluate(self, epoch: int) -> tuple[float, Architecture]:
        """Validation accuracy in [0, 1] of the architecture that the search would end with now, and that one.

        Raises:
            DivergedError: The outputs of its ConvNet are not finite.
        """

    def gate_margins(self) -> Tensor | None:
        """How clearly the search has decided, 20 x 5, columns as in ``space.GATES``.

        A gate is the more open the further above 0, the more shut the further below. With thresholds it is
        what Eqs. 2-4 compare, the norm less its threshold; with probabilities it is that of the layer types
        for which the gate is open, less 1/2. None where nothing is left to decide, or never was.
        """


@dataclass(frozen=True, slots=True)
class Formulation:
    """How architecture choices are searched for (Sec. VII-A).

    Attributes:
        search: Begins the search of a job, whose data set may lie in the files that are told.
        inherited: The ConvNet of a checkpoint's state, with the weights of the search. Takes the state, the
            settings, the macro-architecture, and an architecture, or None for the one that the search chose.
    """

    search: Callable[[SearchJob, Confinement], Search]
    inherited: Callable[[Mapping[str, Any], SearchSettings, MacroArchitecture, Architecture | None], ConvNet]


def identity_of(job: SearchJob, fingerprint: str) -> dict[str, Any]:
    """What the course of a search depends on, as JSON values."""
    return {
        "settings": job.settings.model_dump(mode="json"),
        "platform": job.platform.content_hash,
        "dataset": fingerprint,
        "lambda": job.lambda_,
        "epochs": job.epochs,
        "seed": job.seed,
        "hinge_target_ms": job.hinge_target_ms,
    }


def epoch_random(seed: int, epoch: int, stream: int) -> np.random.Generator:
    """The random numbers of one use in one epoch."""
    return np.random.default_rng([seed, epoch, stream])
