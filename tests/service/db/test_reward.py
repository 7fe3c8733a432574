"""Eq. 19 in SQL against Eq. 19 in Python."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from service.db import migrate
from service.db.derive import Outcome, reward_of_outcome
from service.db.engine import create_engine
from service.db.models import EpochRow
from service.db.store import Store
from solver.reward import reward
from tests.service import searches
from tests.service.db.helpers import new_study

accuracies = st.floats(0, 1, allow_subnormal=False) | st.sampled_from([0.0, 1.0, 1 / 3])
milliseconds = st.floats(1e-3, 1e6, exclude_max=True)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A database with one completed trial, made for 80 ms, whose outcome the tests replace."""
    if request.param == "postgresql":
        engine = create_engine(request.getfixturevalue("new_postgres_database")())
    else:
        engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('reward') / 'spnas.db'}")
    migrate.upgrade(engine)
    store = Store(engine)
    searches.finished_trial(store, new_study(store, epochs={"min": 1, "max": 2}).id, epochs=2)
    yield engine
    engine.dispose()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(accuracies, milliseconds, milliseconds)
@example(0.1, 80.0, 80.0)
@example(0.1, 80.00000000000001, 80.0)
@example(0.7, 79.99999999999999, 80.0)
def test_sql_and_python_agree_to_the_last_bit(
    engine: Engine, accuracy: float, runtime_ms: float, target_ms: float
) -> None:
    with Session(engine) as session:
        epoch = session.scalars(select(EpochRow).where(EpochRow.epoch == 2)).one()
        epoch.accuracy, epoch.runtime_ms = accuracy, runtime_ms
        session.commit()
        in_sql = session.scalar(select(reward_of_outcome(target_ms)).where(Outcome.epoch == 2))
        study_id = Store(engine).studies.list().items[0].id
        of_study = Store(engine).studies.best(study_id).reward
    assert in_sql == reward(accuracy, runtime_ms, target_ms)
    assert of_study == reward(accuracy, runtime_ms, 80.0)
    assert Store(engine).studies.best(study_id, target_ms).reward == in_sql
