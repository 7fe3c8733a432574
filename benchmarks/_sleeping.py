"""A worker, and a trainable of Ray Tune's, whose searches sleep instead of training.

All else is the product's own. A search sleeps for as long as one that trains on 1,000 images a second would
take, so a study's ``max_train_images`` says how long its epochs are.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

from ray import tune

from nas_worker.actor import SearchWorker
from nas_worker.job import EpochReport, SearchJob
from nas_worker.space import LARGEST, Architecture

_FILE = "busy.json"
_IMAGES_PER_SECOND = 1000
_ARCHITECTURE = Architecture.uniform(LARGEST).format()


@dataclass(frozen=True, slots=True)
class Busy:
    """A search that ran.

    Attributes:
        process: Id of the worker's process.
        begin: When it began, by the machine's clock in seconds.
        end: When its last epoch had ended.
    """

    process: int
    begin: float
    end: float

    def write(self, folder: Path) -> None:
        """Leaves it in a folder of the search's own."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FILE).write_text(json.dumps(asdict(self)))

    @classmethod
    def read_all(cls, root: Path) -> list[Self]:
        """All that lie anywhere under a folder, in the order in which they began."""
        found = [cls(**json.loads(path.read_text())) for path in root.rglob(_FILE)]
        return sorted(found, key=lambda each: each.begin)


def images_of(epoch_seconds: float) -> int:
    """``max_train_images`` for epochs of this length."""
    return round(epoch_seconds * _IMAGES_PER_SECOND)


class SleepingWorker(SearchWorker):
    """The product's worker, with :func:`sleep_search` in the place of the search."""

    def __init__(self) -> None:
        super().__init__()
        patch("nas_worker.actor.run_search", sleep_search).start()  # for the life of the process


def sleep_search(
    job: SearchJob, *, on_epoch: Callable[[EpochReport], None], checkpoint_dir: str, **_: object
) -> bool:
    """Stands for :func:`nas_worker.search.run_search`; says in its folder when it was busy."""
    assert job.settings.max_train_images is not None
    seconds = job.settings.max_train_images / _IMAGES_PER_SECOND
    begin = time.time()
    for epoch in range(1, job.epochs + 1):
        time.sleep(seconds)
        end = time.time()
        on_epoch(EpochReport(epoch, 0.5, 0.9, 78.0, seconds, _ARCHITECTURE, None))
    Busy(os.getpid(), begin, end).write(Path(checkpoint_dir))
    return True


def sleep_trial(config: dict[str, Any]) -> None:
    """The same search as a trainable; ``config`` has ``folder``, ``epochs`` and ``epoch_seconds``.

    Its process imports torch, with this module, before it begins, as that of any search must.
    """
    begin = time.time()
    for _ in range(config["epochs"]):
        time.sleep(config["epoch_seconds"])
        end = time.time()
        tune.report({"accuracy": 0.9})
    busy = Busy(os.getpid(), begin, end)
    busy.write(Path(config["folder"]) / f"{busy.process}-{begin}")
