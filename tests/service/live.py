"""A real service on a loopback port: uvicorn in a thread, without a dispatcher unless asked for."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.db.store import Store
from service.settings import Settings


@dataclass(frozen=True)
class Live:
    """A running service, its application and store, and a connection to it."""

    base_url: str
    app: FastAPI
    store: Store
    http: httpx.Client

    def create(self, **spec: Any) -> dict[str, Any]:
        """A new study as JSON."""
        response = self.http.post("/v1/studies", json={"target_runtime_ms": 80, **spec})
        assert response.status_code == 201, response.text
        study: dict[str, Any] = response.json()
        return study


@contextmanager
def live_service(data_dir: Path, **settings: Any) -> Iterator[Live]:
    """Serves on a free port until the end of the block."""
    values = {"data_dir": data_dir, "port": 0, "dispatcher": False, "shutdown_seconds": 2, **settings}
    app = create_app(Settings(**values))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=2))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert thread.is_alive(), "the server ended before it listened"
        assert time.monotonic() < deadline, "the server does not listen after 30 s"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    base_url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=base_url, timeout=10) as http:
            yield Live(base_url, app, app.state.store, http)
    finally:
        app.state.stopping.set()
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server did not stop"
