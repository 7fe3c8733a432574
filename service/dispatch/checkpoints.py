"""The checkpoints of trials on their storage: removed once nobody will read them again."""

import logging
import time
from collections.abc import Iterable

from nas_worker.storage import join, name_of, storage_of
from service.db.store import Store
from service.domain.errors import NotFoundError
from service.domain.records import TrialRecord
from service.domain.states import TrialState

_LOG = logging.getLogger(__name__)


def folder_of(root: str, trial: TrialRecord) -> str:
    """Where the checkpoints and logs of a trial lie, below the folder of all checkpoints, a path or a URL."""
    return join(root, trial.study_id, f"trial-{trial.number}")


class Checkpoints:
    """What must be there follows from the database: all of an unfinished trial, the last of a completed one.

    A trial's own are removed when it ends; its logs stay until its study is deleted. That misses what is
    written meanwhile by a worker that was given up, what a dispatcher leaves that dies just then, and trials
    that end without a dispatcher. So the folder of each study that has ended is compared with the database
    again, a while later, and all are after a takeover.

    Args:
        store: Says which trials there are.
        root: Folder of all checkpoints, a path or a URL.
        settle_seconds: After this long no worker of a study that has ended writes any more.
    """

    def __init__(self, store: Store, root: str, settle_seconds: float) -> None:
        self._store = store
        self._root = root
        self._storage = storage_of(root)
        self._settle_seconds = settle_seconds
        self._active: set[str] = set()
        self._due: dict[str, float] = {}

    def folder(self, trial: TrialRecord) -> str:
        """Where a trial's lie."""
        return folder_of(self._root, trial)

    def tidy(self, trial: TrialRecord, keep: str | None = None) -> None:
        """Removes those of a trial that has ended.

        Args:
            trial: The trial.
            keep: The one that stays; None: none does.
        """
        self._remove_all_but(self.folder(trial), keep)

    def doubt_all(self) -> None:
        """Has all folders compared with the database, as when another dispatcher may have left some."""
        now = time.monotonic()
        for study_id in self._folders(self._root):
            self._due.setdefault(study_id, now)

    def note_active(self, study_ids: Iterable[str]) -> None:
        """Says which studies are active; those that no longer are will be compared with the database."""
        active = set(study_ids)
        for study_id in self._active - active:
            self._due[study_id] = time.monotonic() + self._settle_seconds
        self._active = active

    def sweep(self, seconds: float) -> None:
        """Compares folders that are due, until this time is spent; the next call goes on."""
        end = time.monotonic() + seconds
        for study_id, due_at in list(self._due.items()):
            now = time.monotonic()
            if now > end:
                return
            if due_at <= now:
                self._compare(study_id)
                del self._due[study_id]

    def is_removed(self, study_id: str) -> bool:
        """Removes those of a deleted study.

        Returns:
            Whether none was there any more. A worker may have written one while the others were removed, so
            that they have just been removed is not enough.
        """
        try:
            return not self._storage.remove_folder(join(self._root, study_id))
        except OSError as exc:
            _LOG.warning("checkpoints are left behind: %s", exc, extra={"study": study_id})
        return False

    def _compare(self, study_id: str) -> None:
        folders = self._folders(join(self._root, study_id))
        if not folders:
            return
        try:
            trials = self._store.trials.history(study_id)
        except NotFoundError:
            return  # deleted, or not of this database
        for trial in trials:
            folder = self.folder(trial)
            if name_of(folder) in folders and trial.state.is_final:
                self._remove_all_but(folder, self._kept(trial))

    def _kept(self, trial: TrialRecord) -> str | None:
        if trial.state is not TrialState.COMPLETED:
            return None
        return self._store.dispatch.last_checkpoint(trial.id)[1]

    def _remove_all_but(self, folder: str, keep: str | None) -> None:
        kept = None if keep is None else name_of(keep)
        try:
            for name in self._storage.files(folder):
                if name.startswith("epoch-") and name != kept:
                    self._storage.remove(join(folder, name))
        except OSError as exc:
            _LOG.warning("checkpoints are left behind: %s", exc, extra={"folder": folder})

    def _folders(self, folder: str) -> frozenset[str]:
        try:
            return frozenset(self._storage.folders(folder))
        except OSError as exc:
            _LOG.warning("checkpoints cannot be listed: %s", exc, extra={"folder": folder})
            return frozenset()
