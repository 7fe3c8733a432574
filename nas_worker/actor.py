"""The Ray actor that runs one NAS search at a time and answers polls about it.

The search runs in a thread of the actor and not in a call: a running call of a detached actor dies with the
process that made it (ray-project/ray#53665), a thread does not. So a search outlives a restart of the
service, which then polls on where it was.
"""

import logging
import os
import socket
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum

from nas_worker.errors import CheckpointError, SearchError
from nas_worker.heap import keep_freed_memory
from nas_worker.job import EpochReport, SearchJob
from nas_worker.search import run_search
from nas_worker.search_log import kept_log, log_path
from nas_worker.sources.confinement import Confinement
from nas_worker.storage import is_url, name_of
from nas_worker.versions import software_versions

_LOG = logging.getLogger(__name__)


class Outcome(StrEnum):
    """How the thread of a search ended."""

    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


class StopMode(StrEnum):
    """When a search that is told to stop does so: at the end of its running epoch, or at its next step."""

    AFTER_EPOCH = "after-epoch"
    NOW = "now"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One attempt at one trial.

    Attributes:
        trial_id: Key of the trial.
        attempt: Number of the attempt; together with trial_id it names this assignment.
        job: The search.
        checkpoint_dir: Folder of this trial's checkpoints, a path or a URL.
        checkpoints: Where the search may be taken up, the best one first; none: from the start.
        threads: Torch's threads, and those that decode images.
        dataset_roots: Folders that a data set in files may lie in; none of them: in no folder.
        allow_hub: Whether a data set may come from the Hugging Face hub.
    """

    trial_id: int
    attempt: int
    job: SearchJob
    checkpoint_dir: str
    checkpoints: tuple[str, ...] = ()
    threads: int = 1
    dataset_roots: tuple[str, ...] = ()
    allow_hub: bool = False

    @property
    def key(self) -> tuple[int, int]:
        """(trial_id, attempt)."""
        return self.trial_id, self.attempt


@dataclass(frozen=True, slots=True)
class PollReply:
    """What became of an assignment.

    Attributes:
        known: Whether the worker has this assignment; if not, the rest is empty.
        reports: Epochs after the one that was asked about.
        outcome: How the search ended, or None while it runs.
        error: Why it failed: one line where the search says it, such as a loss that is not finite, else the
            traceback.
    """

    known: bool
    reports: tuple[EpochReport, ...] = ()
    outcome: Outcome | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """Where a worker runs, and with which versions of what its searches depend on, by name."""

    pid: int
    host: str
    versions: Mapping[str, str]


class SearchWorker:
    """Runs assignments one after the other. The dispatcher makes it a Ray actor with concurrent calls."""

    def __init__(self) -> None:
        keep_freed_memory()
        self._changed = threading.Condition()
        self._assignment: Assignment | None = None
        self._reports: list[EpochReport] = []
        self._outcome: Outcome | None = None
        self._error: str | None = None
        self._stop: StopMode | None = None

    def info(self) -> WorkerInfo:
        """Answers as soon as the process is up."""
        return WorkerInfo(os.getpid(), socket.gethostname(), versions=dict(software_versions()))

    def start(self, assignment: Assignment) -> PollReply:
        """Starts an assignment and returns at once. A repeated call changes nothing.

        Returns:
            That it is known. Calls of an actor overtake each other, so a caller polls once it has this.

        Raises:
            RuntimeError: Another assignment is still running.
        """
        with self._changed:
            if self._assignment is not None:
                if self._assignment.key == assignment.key:
                    return PollReply(known=True)
                if self._outcome is None:
                    raise RuntimeError(f"busy with trial and attempt {self._assignment.key}")
            self._assignment, self._reports = assignment, []
            self._outcome = self._error = self._stop = None
        threading.Thread(target=self._run, args=(assignment,), name="search", daemon=True).start()
        return PollReply(known=True)

    def poll(self, trial_id: int, attempt: int, after_epoch: int, wait_seconds: float) -> PollReply:
        """Waits for news about an assignment, at most ``wait_seconds``, and returns what there is.

        Changes nothing, so a lost reply is asked for again: the caller's database holds the cursor
        ``after_epoch``.
        """
        with self._changed:
            if self._assignment is None or self._assignment.key != (trial_id, attempt):
                return PollReply(known=False)
            self._changed.wait_for(
                lambda: self._outcome is not None or any(r.epoch > after_epoch for r in self._reports),
                wait_seconds,
            )
            return PollReply(
                known=True,
                reports=tuple(r for r in self._reports if r.epoch > after_epoch),
                outcome=self._outcome,
                error=self._error,
            )

    def stop(self, trial_id: int, attempt: int, mode: StopMode) -> None:
        """Asks an assignment to stop; it then ends STOPPED, or FINISHED if it was faster. Idempotent."""
        with self._changed:
            if self._assignment is not None and self._assignment.key == (trial_id, attempt):
                self._stop = StopMode.NOW if StopMode.NOW in (mode, self._stop) else mode

    def _run(self, assignment: Assignment) -> None:
        try:
            with _kept_log_of(assignment):
                outcome, error = self._outcome_of(assignment)
        except Exception:  # whatever a search raises is its trial's result, not the worker's end
            outcome, error = Outcome.FAILED, traceback.format_exc()
        with self._changed:
            self._outcome, self._error = outcome, error
            self._changed.notify_all()

    def _outcome_of(self, assignment: Assignment) -> tuple[Outcome, str | None]:
        """Runs the search, and logs how it began and ended."""
        job, host = assignment.job, socket.gethostname()
        _LOG.info("attempt %d on %s, process %d", assignment.attempt, host, os.getpid())
        _LOG.info("lambda %g, %d epochs, seed %d, %s", job.lambda_, job.epochs, job.seed, job.settings)
        try:
            finished = _search(assignment, self._on_epoch, self._should_stop)
        except SearchError as exc:
            _LOG.error("failed: %s", exc)
            return Outcome.FAILED, str(exc)
        except Exception:
            _LOG.exception("failed")
            raise
        outcome = Outcome.FINISHED if finished else Outcome.STOPPED
        _LOG.info("%s", outcome)
        return outcome, None

    def _on_epoch(self, report: EpochReport) -> None:
        _LOG.info(
            "epoch %d: cross-entropy %.4f, accuracy %.4f, runtime %.2f ms, took %.1f s",
            report.epoch,
            report.cross_entropy,
            report.accuracy,
            report.runtime_ms,
            report.seconds,
        )
        with self._changed:
            self._reports.append(report)
            if self._stop is StopMode.AFTER_EPOCH:
                self._stop = StopMode.NOW
            self._changed.notify_all()

    def _should_stop(self) -> bool:
        return self._stop is StopMode.NOW


def _kept_log_of(assignment: Assignment) -> AbstractContextManager[None]:
    if is_url(assignment.checkpoint_dir):  # most object stores cannot append to a file
        return nullcontext()
    return kept_log(log_path(assignment.checkpoint_dir, assignment.attempt))


def _search(
    assignment: Assignment, on_epoch: Callable[[EpochReport], None], should_stop: Callable[[], bool]
) -> bool:
    """Runs the search from its best readable checkpoint; returns whether it is complete.

    An unreadable checkpoint costs time only: a search is deterministic, so the epochs that it repeats are the
    ones that are recorded already.
    """
    for checkpoint in (*assignment.checkpoints, None):
        _LOG.info("begins %s", "from the start" if checkpoint is None else f"after {name_of(checkpoint)}")
        try:
            return run_search(
                assignment.job,
                on_epoch=on_epoch,
                should_stop=should_stop,
                checkpoint_dir=assignment.checkpoint_dir,
                attempt=assignment.attempt,
                resume_from=checkpoint,
                threads=assignment.threads,
                confinement=Confinement(assignment.dataset_roots, assignment.allow_hub),
            )
        except CheckpointError as exc:
            _LOG.warning("%s; an earlier one is tried", exc)
            continue
    raise AssertionError("a search without a checkpoint reads none")
