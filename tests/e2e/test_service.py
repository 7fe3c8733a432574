"""Whole studies through REST on the embedded defaults, and a service that is killed in the middle of one."""

import signal
from typing import Any

import pytest

from service.client import Client
from service.domain.spec import StudySpec
from service.domain.states import StudyState
from tests.e2e.service_process import ServiceProcess

pytestmark = pytest.mark.slow

TINY = {
    "target_runtime_ms": 80,
    "search": {"max_train_images": 64},
    "max_parallel_trials": 2,
    "reuse_trials": False,
}


def create(client: Client, **fields: Any) -> str:
    return client.create_study(StudySpec.model_validate({**TINY, **fields})).id


def assert_accounts_are_exact(client: Client, study_id: str) -> None:
    """Every epoch is there once, and the budget is the sum of them."""
    study = client.get_study(study_id)
    epochs = {t.number: [e.epoch for e in client.epochs(study_id, t.number)] for t in client.trials(study_id)}
    for recorded in epochs.values():
        assert recorded == list(range(1, len(recorded) + 1))
    assert study.spent_epochs == sum(map(len, epochs.values()))
    assert study.reserved_epochs == 0
    assert study.spent_epochs <= study.spec.budget_epochs


def test_each_solver_of_the_paper_completes_a_study(service: ServiceProcess) -> None:
    client = service.start()
    studies = {
        kind: create(
            client, solver={"kind": kind}, epochs={"min": 1, "max": 2}, budget_epochs=14, name=f"by {kind}"
        )
        for kind in ("random", "bayesian", "multi_fidelity")
    }
    for kind, study_id in studies.items():
        service.wait_until(lambda i=study_id: client.get_study(i).state.is_final, f"{kind} ends", 240)  # type: ignore[misc]
        study = client.get_study(study_id)
        assert (study.state, study.error) == (StudyState.COMPLETED, None)
        assert_accounts_are_exact(client, study_id)
        assert study.spec.budget_epochs - study.spent_epochs < study.spec.epochs.max
        best = client.best(study_id)
        assert best.epochs == 2
        assert len(best.architecture) == 20
    fidelities = {trial.epochs for trial in client.trials(studies["multi_fidelity"])}
    assert fidelities == {1, 2}


def test_a_killed_service_goes_on_where_it_was(service: ServiceProcess) -> None:
    client = service.start()
    study_id = create(client, solver={"kind": "random"}, epochs={"min": 1, "max": 5}, budget_epochs=15)
    service.wait_until(lambda: client.get_study(study_id).spent_epochs >= 7, "seven epochs")
    service.kill()

    client = service.start()
    before = {t.number: client.epochs(study_id, t.number) for t in client.trials(study_id)}
    assert sum(map(len, before.values())) >= 7
    service.wait_until(lambda: client.get_study(study_id).state.is_final, "the study ends", 180)
    assert client.get_study(study_id).state is StudyState.COMPLETED
    assert client.get_study(study_id).spent_epochs == 15
    assert_accounts_are_exact(client, study_id)
    for number, epochs in before.items():
        after = client.epochs(study_id, number)
        assert [(e.epoch, e.cross_entropy, e.seconds) for e in after[: len(epochs)]] == [
            (e.epoch, e.cross_entropy, e.seconds) for e in epochs
        ]


def test_sigterm_hands_everything_back(service: ServiceProcess) -> None:
    client = service.start()
    study_id = create(client, solver={"kind": "random"}, epochs={"min": 1, "max": 6}, budget_epochs=6)
    service.wait_until(lambda: client.get_study(study_id).spent_epochs >= 2, "two epochs")
    assert service.stop() == -signal.SIGTERM  # uvicorn ends by the signal once it has wound up

    client = service.start()
    trial = client.trial(study_id, 0)
    assert trial.state in ("queued", "running")
    service.wait_until(lambda: client.get_study(study_id).state.is_final, "the study ends")
    assert client.trial(study_id, 0).attempt == 2
    assert_accounts_are_exact(client, study_id)
