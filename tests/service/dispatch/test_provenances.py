"""Fingerprints of data sets, without Ray."""

import logging
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from nas_worker.data import load_dataset
from service.db import migrate
from service.db.store import Store
from service.dispatch.provenances import Provenances
from tests.service.db.helpers import new_study


@pytest.fixture
def store(tmp_path: Path) -> Store:
    engine = create_engine(f"sqlite:///{tmp_path / 'spnas.db'}")
    migrate.upgrade(engine)
    return Store(engine)


@pytest.mark.parametrize("dataset", ["imagefolder:/somewhere", "parquet:/some.parquet", "hub:some/name"])
def test_data_in_files_has_no_fingerprint_and_nobody_is_warned(
    store: Store, caplog: pytest.LogCaptureFixture, dataset: str
) -> None:
    study = new_study(store, search={"dataset": dataset})
    with caplog.at_level(logging.DEBUG, "service"):
        assert Provenances(store).of(study).dataset_fingerprint is None
    assert caplog.records == []


def test_data_that_comes_with_the_program_has_one(store: Store) -> None:
    found = Provenances(store).of(new_study(store))
    assert found.dataset_fingerprint == load_dataset("digits").fingerprint


def test_data_that_is_not_known_is_warned_of(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    assert Provenances(store).of(new_study(store, search={"dataset": "gone"})).dataset_fingerprint is None
    assert "trials are not reused" in caplog.text
