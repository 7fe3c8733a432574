from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from nas_worker.platform import load_platform
from service.db import copy, migrate
from service.db.engine import opened_engine
from service.db.models import Base
from service.db.store import Store
from service.domain.access import Scope
from service.domain.errors import ConflictError, DatabaseOutdatedError, IdempotencyKeyReusedError
from tests.service import searches
from tests.service.db.helpers import new_study, queued_trial, study_spec


@pytest.fixture(params=["to-postgresql", "to-sqlite"])
def databases(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_url: str, postgres_url: str
) -> Iterator[tuple[Engine, Engine]]:
    """Source and target, both empty."""
    urls = [sqlite_url, postgres_url]
    with opened_engine(urls[0]) as sqlite, opened_engine(urls[1]) as postgresql:
        yield (sqlite, postgresql) if request.param == "to-postgresql" else (postgresql, sqlite)


def test_a_deployment_goes_on_in_the_other_database(databases: tuple[Engine, Engine]) -> None:
    source, target = databases
    migrate.upgrade(source)
    before, lease = Store(source), searches.lease(Store(source))
    study = before.studies.create(
        study_spec(name="日本 é", target_runtime_ms=[80, 60.123456789012345]), idempotency_key="key"
    )[0]
    for _ in range(2):
        searches.finished_trial(before, study.id)
    queued_trial(before, lease, study)
    before.platforms.put(load_platform("pixel1").model_copy(update={"name": "mine"}))
    before.tokens.create("a phone team", Scope.READ)
    before.dispatch.release_lease(lease)

    counts = copy.copy_database(source, target)
    assert counts.keys() == Base.metadata.tables.keys() - {"lease"}
    assert (counts["studies"], counts["trials"], counts["epochs"]) == (1, 3, 16)
    after = Store(target)
    assert after.studies.list() == before.studies.list()
    assert after.trials.history(study.id) == before.trials.history(study.id)
    assert after.trials.epochs_of_study(study.id) == before.trials.epochs_of_study(study.id)
    assert after.events.list(study.id) == before.events.list(study.id)
    assert after.platforms.list() == before.platforms.list() != ()
    assert after.tokens.list() == before.tokens.list() != ()
    assert after.dispatch.deployment_id() == before.dispatch.deployment_id()
    with pytest.raises(IdempotencyKeyReusedError):
        after.studies.create(study_spec(), idempotency_key="key")
    heir = searches.lease(after)
    assert heir.fence > lease.fence
    assert queued_trial(after, heir, study).number == 3
    assert after.events.list(study.id).items[0].id > before.events.list(study.id).items[0].id
    assert after.studies.list().items[0] != new_study(after)
    assert len(after.studies.list().items) == 2


def test_nothing_is_copied_from_a_live_or_into_a_used_database(databases: tuple[Engine, Engine]) -> None:
    source, target = databases
    with pytest.raises(DatabaseOutdatedError):
        copy.copy_database(source, target)
    migrate.upgrade(source)
    lease = searches.lease(Store(source))
    with pytest.raises(ConflictError, match="stop it first"):
        copy.copy_database(source, target)
    Store(source).dispatch.release_lease(lease)
    new_study(Store(source))
    mine = new_study(Store(target))
    with pytest.raises(ConflictError, match="the target has studies already"):
        copy.copy_database(source, target)
    assert Store(target).studies.list().items == (mine,)


def test_the_command(sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = f"sqlite:///{tmp_path / 'copy.db'}"
    migrate.upgrade(sqlite_url)
    assert copy.main([sqlite_url, target]) == 0
    assert "0 studies" in capsys.readouterr().out
    assert copy.main([sqlite_url]) == 2
    assert copy.main(["mysql://host/db", target]) == 1
    assert "sqlite:///" in capsys.readouterr().err
