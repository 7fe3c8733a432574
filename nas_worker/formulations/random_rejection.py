"""Random search by rejection: architectures within a runtime window, each trained for a few epochs.

The epochs of the search are its budget: with E epochs and C a candidate, E // C architectures (at least one)
share them as evenly as they can, earlier ones getting the remainder. lambda has no part in it.
"""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from torch import Tensor

from nas_worker.convnet import ConvNet
from nas_worker.errors import SearchError
from nas_worker.formulations.base import Formulation, identity_of
from nas_worker.job import SearchJob, SearchSettings
from nas_worker.platform import Platform
from nas_worker.proxy_training import ProxyTraining
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.search_data import load_search_data
from nas_worker.sources.confinement import UNCONFINED, Confinement
from nas_worker.space import Architecture, MacroArchitecture

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
    first candidate as it is.

    Args:
        job: The search.
        confinement: Which files its data set may lie in.

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
        random = Random(job.seed)  # noqa: S311 - not for cryptography
        self.candidates = [
            sample_within(job.platform, *settings.runtime_window_ms, random) for _ in self._lengths
        ]
        self._place = 0
        self._training = self._begun(0)
        self._best: dict[str, Any] | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What the course of the search depends on, as JSON values."""
        return identity_of(self._job, self._data.fingerprint)

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next epoch depends on, beside the job."""
        return {"place": self._place, "training": self._training.state_dict(), "best": self._best} | {
            "current": self.candidates[self._place].format()
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over a ``state_dict`` of the same job."""
        self._place = state["place"]
        self._training = self._begun(self._place)
        self._training.load_state_dict(state["training"])
        self._best = state["best"]

    def train(self, epoch: int, should_stop: Callable[[], bool]) -> float | None:
        """See :class:`nas_worker.formulations.base.Search`; the cross-entropy is that of this candidate."""
        place, own_epoch = self._position(epoch)
        if place != self._place:
            self._place, self._training = place, self._begun(place)
        return self._training.train(own_epoch, should_stop)

    def evaluate(self, epoch: int) -> tuple[float, Architecture]:
        """See :class:`nas_worker.formulations.base.Search`. It may be repeated."""
        place, own_epoch = self._position(epoch)
        is_complete = own_epoch == self._lengths[place]
        if is_complete or self._best is None:
            accuracy = self._training.accuracy()
            if not is_complete:
                return accuracy, self.candidates[place]
            if self._best is None or accuracy > self._best["accuracy"]:
                self._best = {
                    "accuracy": accuracy,
                    "architecture": self.candidates[place].format(),
                    "convnet": _copied(self._training.convnet.state_dict()),
                }
        return self._best["accuracy"], Architecture.parse(self._best["architecture"])

    def _position(self, epoch: int) -> tuple[int, int]:
        """Which candidate an epoch belongs to, and its number among that candidate's, from 1."""
        for place, length in enumerate(self._lengths):
            if epoch <= length:
                return place, epoch
            epoch -= length
        raise ValueError(f"the search has {self._job.epochs} epochs")

    def _begun(self, place: int) -> ProxyTraining:
        return ProxyTraining(
            self.candidates[place],
            self._job.settings,
            self._data,
            epochs=self._lengths[place],
            seed=self._job.seed + place * _SEED_STRIDE,
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
