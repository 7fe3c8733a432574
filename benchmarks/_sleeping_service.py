"""The service as a process of its own whose searches sleep: ``python -m benchmarks._sleeping_service``.

Settings come from the environment. It prints its URL, and ends when its standard input is closed.
"""

from unittest.mock import patch

from benchmarks._sleeping import SleepingWorker
from service.cli import embedded_server

if __name__ == "__main__":
    with patch("service.dispatch.engine.SearchWorker", SleepingWorker):
        embedded_server.main()
