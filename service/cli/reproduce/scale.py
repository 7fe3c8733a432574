"""How large an experiment is: the same code runs it on a laptop and on a cluster's node."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from nas_worker.data import open_dataset
from nas_worker.job import SearchSettings
from nas_worker.platform import Platform


@dataclass(frozen=True)
class Scale:
    """What an experiment is run with.

    Attributes:
        settings: Of every search and training.
        platform: Whose runtimes count.
        epochs: Of a search, and of a training.
        runs: Repetitions with seeds from 0.
        say: Told of every finished part.
        threads: Torch's.
    """

    settings: SearchSettings
    platform: Platform
    epochs: int
    runs: int
    say: Callable[[str], object]
    threads: int = 1

    @property
    def header(self) -> dict[str, Any]:
        """What results depend on, except for the number of runs, which may grow."""
        return {
            "settings": self.settings.model_dump(mode="json"),
            "platform": self.platform.content_hash,
            "dataset": open_dataset(self.settings.dataset).fingerprint,
            "epochs": self.epochs,
            "threads": self.threads,
            "versions": {name: version(name) for name in ("spnas-tuner", "torch")},
        }
