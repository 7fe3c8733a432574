"""Identical trials are taken from the store; only those."""

from typing import Any

import pytest

from nas_worker.data import load_dataset
from nas_worker.platform import load_platform
from nas_worker.versions import software_versions
from service.dispatch import runs
from service.domain.states import StudyState
from tests.service.dispatch.conftest import Bench

pytestmark = pytest.mark.slow


def test_a_worker_with_other_software_than_the_service_gives_its_trial_no_identity(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "software_versions", lambda: {**software_versions(), "torch": "1.0"})
    study = bench.create(budget_epochs=2)
    bench.wait_for(study, StudyState.COMPLETED)
    for trial in bench.store.trials.history(study.id):
        assert trial.identity is None


@pytest.mark.parametrize(
    "solver",
    [{"kind": "grid", "lambdas": 2, "epochs": [1, 2]}, {"kind": "composite"}],
    ids=["grid", "composite"],
)
def test_a_study_asked_for_again_takes_its_trials_from_the_store(
    bench: Bench, solver: dict[str, Any]
) -> None:
    fields: dict[str, Any] = {
        "solver": solver,
        "budget_epochs": 6,
        "reuse_trials": True,
        "seed": 77 if solver["kind"] == "grid" else 78,
    }
    first = bench.create(**fields)
    ran = bench.wait_for(first, StudyState.COMPLETED)
    again = bench.wait_for(bench.create(**fields), StudyState.COMPLETED)
    trials = bench.store.trials.history(again.id)
    assert again.reused_epochs == ran.spent_epochs
    for trial, original in zip(trials, bench.store.trials.history(first.id), strict=False):
        assert trial.reused_from is not None
        assert (trial.reused_from.study_id, trial.reused_from.number) == (first.id, original.number)
        assert (trial.lambda_, trial.accuracy, trial.reward) == (
            original.lambda_,
            original.accuracy,
            original.reward,
        )
        assert trial.identity == original.identity is not None
        assert original.versions is not None
        assert original.versions.keys() == {"spnas-tuner", "torch", "numpy", "python", "nas_worker"}
        assert original.provenance is not None
        assert original.provenance.dataset_fingerprint == load_dataset("digits").fingerprint
        assert original.provenance.platform_hash == load_platform("pixel1").content_hash
    if solver["kind"] == "grid":
        assert (again.spent_epochs, len(trials)) == (0, 4)
    else:  # its budget is its own, so it searches on
        assert again.spent_epochs > again.spec.budget_epochs - again.spec.epochs.max
