"""Random search by rejection: architectures within a runtime window, each trained for a few epochs.

The epochs of the search are its budget: with E epochs and C a candidate, E // C architectures (at least one)
share them as evenly as they can, earlier ones getting the remainder. lambda has no part in it.
"""

import logging
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from torch import Tensor

from nas_worker.convnet import ConvNet
from nas_worker.errors import DivergedError, SearchError
from nas_worker.formulations.base import Formulation, identity_of
from nas_worker.job import SearchJob, SearchSettings
from nas_worker.platform import Platform
from nas_worker.proxy_training import ProxyTraining
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.search_data import load_search_data
from nas_worker.sources.confinement import UNCONFINED, Confinement
from nas_worker.space import Architecture, MacroArchitecture

_LOG = logging.getLogger(__name__)
DEFAULT_CANDIDATE_EPOCHS = 2
_MOST_DRAWS = 20_000
_SEED_STRIDE = 2**31
"""Beyond any seed of a job, so that no two candidates of two searches share their random numbers."""


def sample_within(platform: Platform, low_ms: float, high_ms: float, random: Random) -> Architecture:
    """An architecture with R in [low_ms, high_ms], uniform among those: others are drawn and rejected.

    Raises:
        SearchError: None was found in 20,000 draws.
    """
    seen_ms = []
    for _ in range(_MOST_DRAWS):
        architecture = Architecture.sample(random)
        runtime_ms = architecture_runtime_ms(platform, architecture)
        if low_ms <= runtime_ms <= high_ms:
            return architecture
        seen_ms.append(runtime_ms)
    raise SearchError(
        f"none of {_MOST_DRAWS} random architectures takes {low_ms:g} to {high_ms:g} ms on {platform.name}, "
        f"but {min(seen_ms):.1f} to {max(seen_ms):.1f} ms: widen runtime_window_ms"
    )


def candidate_lengths(epochs: int, candidate_epochs: int) -> list[int]:
    """Epochs of each candidate: as even as can be, in sum ``epochs``."""
    count = max(1, epochs // candidate_epochs)
    return [epochs // count + (place < epochs % count) for place in range(count)]


class RandomRejection:
    """One random search.

    What it would end with is the best candidate whose training is complete; before there is one, it is the
    present candidate as it is. A candidate that diverges is left out and another one drawn, which is trained
    in the epochs that are left of its share. Once more have diverged than were planned, the search fails.

    Args:
        job: The search.
        confinement: Which files its data set may lie in.

    Attributes:
        candidates: Those that were planned.
        diverged: Epoch and architecture of each candidate that was left out.

    Raises:
        SearchError: The settings do not fit the data set, or no architecture the window.
        UnknownNameError: There is no such data set.
    """

    def __init__(self, job: SearchJob, confinement: Confinement = UNCONFINED) -> None:
        settings = job.settings
        assert settings.runtime_window_ms is not None
        self._job = job
        self._data = load_search_data(settings, confinement)
        self._lengths = candidate_lengths(job.epochs, settings.candidate_epochs or DEFAULT_CANDIDATE_EPOCHS)
        self._window_ms = settings.runtime_window_ms
        random = Random(job.seed)  # noqa: S311 - not for cryptography
        self.candidates = [sample_within(job.platform, *self._window_ms, random) for _ in self._lengths]
        self.diverged: list[dict[str, Any]] = []
        self._place, self._late, self._number = 0, 0, 0
        self._training = self._begun(self.candidates[0])
        self._best: dict[str, Any] | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What the course of the search depends on, as JSON values."""
        return identity_of(self._job, self._data.fingerprint)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next epoch depends on, beside the job."""
        return {
            "place": self._place,
            "late": self._late,
            "number": self._number,
            "diverged": self.diverged,
            "current": self._training.convnet.architecture.format(),
            "training": self._training.state_dict(),
            "best": self._best,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a ``state_dict`` of the same job."""
        self._place, self._late, self._number = state["place"], state["late"], state["number"]
        self.diverged = list(state["diverged"])
        self._training = self._begun(Architecture.parse(state["current"]))
        self._training.load_state_dict(state["training"])
        self._best = state["best"]

    def train(self, epoch: int, should_stop: Callable[[], bool]) -> float | None:
        """See :class:`nas_worker.formulations.base.Search`; the cross-entropy is that of this candidate."""
        place, own_epoch = self._position(epoch)
        if place != self._place:
            self._place, self._late, self._number = place, 0, place
            self._training = self._begun(self.candidates[place])
        while True:
            try:
                return self._training.train(own_epoch - self._late, should_stop)
            except DivergedError as error:
                self._leave_out(epoch, error)
                self._late = own_epoch - 1
                self._number = len(self.candidates) + len(self.diverged) - 1
                random = Random(f"{self._job.seed} {self._number}")  # noqa: S311 - not for cryptography
                self._training = self._begun(sample_within(self._job.platform, *self._window_ms, random))

    def evaluate(self, epoch: int) -> tuple[float, Architecture]:
        """See :class:`nas_worker.formulations.base.Search`. It may be repeated.

        A candidate whose outputs are not finite has accuracy 0.
        """
        place, own_epoch = self._position(epoch)
        is_complete = own_epoch == self._lengths[place]
        architecture = self._training.convnet.architecture
        if is_complete or self._best is None:
            try:
                accuracy = self._training.accuracy()
            except DivergedError as error:
                if is_complete:
                    self._leave_out(epoch, error)
                if self._best is None and epoch == self._job.epochs:
                    raise
                accuracy, is_complete = 0.0, False
            if is_complete and (self._best is None or accuracy > self._best["accuracy"]):
                self._best = {
                    "accuracy": accuracy,
                    "architecture": architecture.format(),
                    "convnet": _copied(self._training.convnet.state_dict()),
                }
            if self._best is None:
                return accuracy, architecture
        return self._best["accuracy"], Architecture.parse(self._best["architecture"])

    def gate_margins(self) -> None:
        """See :class:`nas_worker.formulations.base.Search`: a random search decides nothing gradually."""

    def _leave_out(self, epoch: int, error: DivergedError) -> None:
        """Notes that the present candidate diverged in an epoch.

        Raises:
            DivergedError: More diverged than were planned.
        """
        architecture = self._training.convnet.architecture.format()
        found = {"epoch": epoch, "architecture": architecture}
        if found not in self.diverged:  # an evaluation may be repeated
            self.diverged.append(found)
            _LOG.warning("random search leaves out a candidate: %s; %s", error, " ".join(architecture))
        if len(self.diverged) > len(self.candidates):
            raise DivergedError(
                f"{error}; {len(self.diverged)} candidates of this random search diverged"
            ) from error

    def _position(self, epoch: int) -> tuple[int, int]:
        """Which candidate an epoch belongs to, and its number among that candidate's, from 1."""
        for place, length in enumerate(self._lengths):
            if epoch <= length:
                return place, epoch
            epoch -= length
        raise ValueError(f"the search has {self._job.epochs} epochs")

    def _begun(self, architecture: Architecture) -> ProxyTraining:
        """The training of a candidate that has what is left of its share of the epochs."""
        return ProxyTraining(
            architecture,
            self._job.settings,
            self._data,
            epochs=self._lengths[self._place] - self._late,
            seed=self._job.seed + self._number * _SEED_STRIDE,
        )


def _copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in state.items()}


def _inherited(
    state: Mapping[str, Any],
    settings: SearchSettings,  # noqa: ARG001 - part of the interface
    macro: MacroArchitecture,
    architecture: Architecture | None,
) -> ConvNet:
    best = state["best"] or {"architecture": state["current"], **state["training"]}
    found = Architecture.parse(best["architecture"])
    if architecture not in (None, found):
        raise ValueError("a random search has weights of the architecture that it found, and of no other")
    convnet = ConvNet(macro, found)
    convnet.load_state_dict(_copied(best["convnet"]))
    return convnet


FORMULATION = Formulation(RandomRejection, _inherited)
