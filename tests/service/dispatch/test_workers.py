from typing import Any

import pytest

from service.dispatch.engine import Engine
from service.domain.spec import Resources
from service.domain.states import StudyState
from tests.service.dispatch.conftest import Bench, wait_until


def test_a_worker_that_waits_for_room_is_kept_for_the_next_trial(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[str] = []
    create_worker = Engine.create_worker

    def counted(engine: Engine, name: str, resources: Resources) -> Any:
        asked_for.append(name)
        return create_worker(engine, name, resources)

    monkeypatch.setattr(Engine, "create_worker", counted)
    studies = [
        bench.create(epochs={"min": 1, "max": 1}, budget_epochs=6, max_parallel_trials=2) for _ in range(2)
    ]
    for study in studies:
        bench.wait_for(study, StudyState.COMPLETED)
    trials = sum(len(bench.store.trials.history(study.id)) for study in studies)
    assert trials == 12
    assert len(asked_for) <= trials / 2  # four trials run or wait at a time, on two cores
    pool = bench.dispatcher._pool  # type: ignore[union-attr]
    wait_until(lambda: not pool._spare, "workers that no trial needs are given back")
