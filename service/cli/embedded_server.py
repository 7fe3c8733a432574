"""The child process of :class:`service.cli.embedded.EmbeddedService`: a server that ends with its parent."""

import os
import signal
import sys
import threading

from service.cli.settings import effective_settings
from service.domain.errors import SpnasError
from service.server import serve


def _end_with_parent() -> None:
    # The parent never writes: the pipe ends when it closes it, or when it dies in whatever way.
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _announce(url: str) -> None:
    """Tells the parent the address, and has everything that is printed later go to the log."""
    sys.stdout.write(f"{url}\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def main() -> None:
    """Serves with the settings of environment and file until the pipe on stdin is closed."""
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    try:
        serve(effective_settings(), on_listening=_announce)
    except SpnasError as error:
        sys.exit(f"{error.title}: {error}")


if __name__ == "__main__":
    main()
