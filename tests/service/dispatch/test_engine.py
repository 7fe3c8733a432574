from typing import Any

import pytest
import ray

from service.dispatch.engine import Engine, _actor_class
from service.dispatch.settings import DispatchSettings
from service.domain.spec import Resources


def test_a_cluster_that_cannot_be_joined_is_told_from_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's own message is the same for a wrong token; the cause stays the reader's to find, but is named."""

    def refuse(**_: Any) -> None:
        raise ConnectionError("Failed to connect to Ray cluster at 10.0.0.1:6379")

    monkeypatch.setattr(ray, "init", refuse)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    engine = Engine(DispatchSettings(checkpoint_dir="checkpoints", ray_address="10.0.0.1:6379"), "namespace")
    with pytest.raises(
        ConnectionError, match=r"at 10\.0\.0\.1:6379\. Either it does not answer, or it asks"
    ) as told:
        engine.connect()
    assert "RAY_AUTH_MODE is token here" in str(told.value)


def test_workers_are_of_one_class_since_ray_keeps_each_that_it_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    class Handle:
        def options(self, **_: Any) -> "Handle":
            return self

        def remote(self) -> None:
            made.append(self)

    monkeypatch.setattr(ray, "remote", lambda _: Handle())
    _actor_class.cache_clear()
    engine = Engine(DispatchSettings(checkpoint_dir="checkpoints"), "namespace")
    for number in range(3):
        engine.create_worker(f"worker-{number}", Resources())
    _actor_class.cache_clear()
    assert len(made) == 3
    assert len(set(map(id, made))) == 1
