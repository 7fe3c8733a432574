import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Engine, inspect, text

from service.db import migrate
from service.db.engine import create_engine
from service.db.models import Base
from service.db.store import Store
from service.domain.errors import DatabaseOutdatedError, DatabaseTooNewError
from service.domain.records import StudyRecord, TrialRecord
from tests.service import searches
from tests.service.db.helpers import new_study


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An empty database of each kind in turn."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


def kept(study: StudyRecord) -> StudyRecord:
    """A study without what later versions added to its best trial, which a way down loses."""
    return study if study.best is None else replace(study, best=kept_trial(study.best))


def kept_trial(trial: TrialRecord) -> TrialRecord:
    return replace(trial, attempt_started_at=None)


def set_version(engine: Engine, version: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


def test_up_down_and_up_again(engine: Engine) -> None:
    assert migrate.current(engine) is None
    migrate.upgrade(engine)
    assert migrate.current(engine) == migrate.head()
    tables = set(inspect(engine).get_table_names())
    assert tables == {*Base.metadata.tables, "alembic_version"}
    with migrate.exclusive_connection(engine) as connection:
        config = migrate.alembic_config(connection)
        command.downgrade(config, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    assert migrate.current(engine) is None
    migrate.upgrade(engine)
    assert Store(engine).studies.list().items == ()


def test_an_older_database_keeps_its_studies(engine: Engine) -> None:
    migrate.upgrade(engine)
    store = Store(engine)
    searches.finished_trial(store, new_study(store).id)
    before = [kept(study) for study in store.studies.list().items]
    with migrate.exclusive_connection(engine) as connection:
        command.downgrade(migrate.alembic_config(connection), "0001")
    with pytest.raises(DatabaseOutdatedError, match="is of version 0001, this service needs"):
        migrate.check(engine)
    migrate.upgrade(engine)
    assert [*store.studies.list().items] == before


def test_before_there_were_several_targets_a_study_keeps_its_first(engine: Engine) -> None:
    migrate.upgrade(engine)
    store = Store(engine)
    single, several = new_study(store), new_study(store, target_runtime_ms=[100, 60.5])
    for study in (single, several):
        searches.finished_trial(store, study.id)
    before = kept(store.studies.get(single.id))
    assert store.studies.get(several.id).spec.targets_ms == (100, 60.5)
    with migrate.exclusive_connection(engine) as connection:
        command.downgrade(migrate.alembic_config(connection), "0002")
    assert "further_targets_ms" not in {column["name"] for column in inspect(engine).get_columns("studies")}
    with pytest.raises(DatabaseOutdatedError, match="is of version 0002"):
        migrate.check(engine)
    migrate.upgrade(engine)
    assert store.studies.get(single.id) == before
    found = store.studies.get(several.id)
    assert (found.spec.target_runtime_ms, found.further_bests) == (100, ())
    assert found.spent_epochs == 8


def test_before_there_were_events_a_study_has_no_history(engine: Engine) -> None:
    migrate.upgrade(engine)
    store = Store(engine)
    study = new_study(store)
    searches.finished_trial(store, study.id)
    before = kept(store.studies.get(study.id)), [*map(kept_trial, store.trials.history(study.id))]
    assert store.events.list(study.id).items != ()
    with migrate.exclusive_connection(engine) as connection:
        command.downgrade(migrate.alembic_config(connection), "0003")
    assert "events" not in inspect(engine).get_table_names()
    with pytest.raises(DatabaseOutdatedError, match="is of version 0003"):
        migrate.check(engine)
    migrate.upgrade(engine)
    assert (store.studies.get(study.id), [*store.trials.history(study.id)]) == before
    assert store.events.list(study.id).items == ()
    store.studies.cancel(study.id)
    assert [event.state for event in store.events.list(study.id).items] == ["cancelled"]


def test_before_there_were_timeouts_a_trial_had_no_limit(engine: Engine) -> None:
    migrate.upgrade(engine)
    store = Store(engine)
    study = new_study(store, trial_timeout_seconds=2.5)
    searches.start_trial(store, study.id)
    assert store.studies.get(study.id).spec.trial_timeout_seconds == 2.5
    with migrate.exclusive_connection(engine) as connection:
        command.downgrade(migrate.alembic_config(connection), "0004")
    migrate.upgrade(engine)
    assert store.studies.get(study.id).spec.trial_timeout_seconds is None
    assert [trial.attempt_started_at for trial in store.trials.history(study.id)] == [None]


def test_upgrading_twice_keeps_the_rows(engine: Engine) -> None:
    migrate.upgrade(engine)
    store = Store(engine)
    searches.finished_trial(store, new_study(store).id)
    before = store.studies.list(), store.dispatch.deployment_id()
    migrate.upgrade(engine.url)
    assert (store.studies.list(), store.dispatch.deployment_id()) == before


def test_the_migrations_make_what_the_models_say(engine: Engine) -> None:
    migrate.upgrade(engine)
    with engine.connect() as connection:
        options: dict[str, Any] = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
    for table in Base.metadata.sorted_tables:  # which autogenerate does not compare
        in_models = {str(check.name) for check in table.constraints if hasattr(check, "sqltext")}
        assert {check["name"] for check in inspect(engine).get_check_constraints(table.name)} == in_models


def test_check_passes_at_the_head_only(engine: Engine) -> None:
    with pytest.raises(DatabaseOutdatedError, match=r"has no tables yet.*python -m service\.db\.migrate"):
        migrate.check(engine)
    migrate.upgrade(engine)
    migrate.check(engine)


def test_a_database_of_a_later_version_is_left_alone(engine: Engine) -> None:
    migrate.upgrade(engine)
    set_version(engine, "9999")
    for refuse in (migrate.check, migrate.upgrade):
        with pytest.raises(DatabaseTooNewError, match="9999, which this service does not know"):
            refuse(engine)
    assert migrate.current(engine) == "9999"


def test_several_processes_that_upgrade_at_once_wait_for_each_other(engine: Engine) -> None:
    errors: list[BaseException] = []

    def upgrade() -> None:
        try:
            migrate.upgrade(engine.url)
        except BaseException as error:
            errors.append(error)

    run = [sys.executable, "-m", "service.db.migrate", engine.url.render_as_string(hide_password=False)]
    processes = [subprocess.Popen(run, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    threads = [threading.Thread(target=upgrade) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert errors == []
    assert [process.returncode for process in processes] == [0, 0]
    assert all(re.search(f"version .* -> {migrate.head()}", output) for output in outputs)
    migrate.check(engine)


def test_copying_a_table_keeps_the_rows_that_refer_to_it(engine: Engine) -> None:
    """How later migrations alter a table on SQLite, where dropping the old one would cascade."""
    migrate.upgrade(engine)
    store = Store(engine)
    study = new_study(store)
    searches.finished_trial(store, study.id)
    with migrate.exclusive_connection(engine) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("trials", recreate="auto") as batch:
            batch.drop_constraint("ck_trials_worker", type_="check")
    assert len(store.trials.epochs_of_study(study.id)) == 8
    store.studies.pause(study.id)
    store.studies.delete(study.id)  # foreign keys work again
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM epochs")) == 0


def test_a_migration_that_breaks_a_reference_is_rolled_back(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    migrate.upgrade(engine)
    store = Store(engine)
    study = new_study(store)
    searches.finished_trial(store, study.id)
    with (
        pytest.raises(RuntimeError, match="broke references"),
        migrate.exclusive_connection(engine) as connection,
    ):
        connection.execute(text("DELETE FROM studies"))
    assert store.studies.get(study.id).spent_epochs == 8
    engine.dispose()


def test_the_command_says_what_is_wrong(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert migrate.main([sqlite_url]) == 0
    assert capsys.readouterr().out.endswith(f"version none -> {migrate.head()}\n")
    assert migrate.main([sqlite_url, "x"]) == 2
    assert migrate.main(["mysql://host/db"]) == 1
    assert "sqlite:/// or postgresql://" in capsys.readouterr().err
