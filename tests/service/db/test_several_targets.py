"""Studies with several targets: one trial serves all of them."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from service.db import migrate
from service.db.engine import create_engine
from service.db.models import StudyRow
from service.db.store import Store
from service.domain.errors import IdempotencyKeyReusedError
from service.domain.records import StudyRecord
from service.domain.states import StudyState
from solver.reward import reward
from tests.service import searches
from tests.service.db.helpers import new_study, study_spec
from tests.service.db.test_queries import recorded

OUTCOMES = ((0.95, 100.0), (0.9, 78.0), (0.8, 59.0))
"""(accuracy, runtime_ms) of trials 0 to 2: best for 100, 80 and 60 ms."""


def filled(store: Store, study: StudyRecord) -> StudyRecord:
    for accuracy, runtime_ms in OUTCOMES:
        searches.finished_trial(store, study.id, accuracy=accuracy, runtime_ms=runtime_ms)
    return store.studies.get(study.id)


def test_each_target_has_its_best_trial(store: Store) -> None:
    study = new_study(store, target_runtime_ms=[80, 60, 100])
    assert study.spec.targets_ms == (80, 60, 100)
    assert study.bests == ()
    searches.finished_trial(store, study.id, accuracy=1.0, runtime_ms=10, epochs=4)
    assert store.studies.get(study.id).bests == (), "it is not at full fidelity"
    for accuracy, runtime_ms in OUTCOMES:
        searches.finished_trial(store, study.id, accuracy=accuracy, runtime_ms=runtime_ms)
    found = store.studies.get(study.id)
    assert [(target, best.number, best.reward) for target, best in found.bests] == [
        (80, 2, 0.9), (60, 3, 0.8), (100, 1, 0.95),
    ]  # fmt: skip
    for target, best in found.bests:
        assert store.studies.best(study.id, target) == best
    assert store.studies.list().items == store.dispatch.active_studies() == (found,)
    trials = store.trials.list(study.id, order_by="reward").items
    assert [trial.number for trial in trials if trial.epochs == 8] == [2, 3, 1], "rewards are for the first"


def test_one_target_is_stored_as_ever(store: Store) -> None:
    study = filled(store, new_study(store, target_runtime_ms=[80]))
    assert study.spec.target_runtime_ms == 80
    assert study.further_bests == ()
    assert study.bests == ((80, study.best),)


def test_exact_numbers_come_back(store: Store) -> None:
    targets = (79.123456789012345, 0.1 + 0.2, 1e6, 0.001)
    study = new_study(store, target_runtime_ms=targets)
    assert store.studies.get(study.id).spec.targets_ms == targets


def test_studies_with_different_numbers_of_targets_side_by_side(store: Store) -> None:
    targets: list[list[float]] = [[80.0], [100.0, 60.0], [60.0], [60.0, 80.0, 100.0], [80.0, 60.0]]
    ids = [filled(store, new_study(store, target_runtime_ms=each)).id for each in targets]
    empty = new_study(store, target_runtime_ms=[60.0, 80.0])
    best_number = {100.0: 0, 80.0: 1, 60.0: 2}
    found = {study.id: study for study in store.studies.list().items}
    for study_id, targets_ms in zip(ids, targets, strict=True):
        numbers = [(target, best.number) for target, best in found[study_id].bests]
        assert numbers == [(target, best_number[target]) for target in targets_ms]
    assert found[empty.id].bests == ()


def test_a_key_that_was_used_with_other_targets_is_refused(store: Store) -> None:
    first = store.studies.create(study_spec(target_runtime_ms=[80, 60]), idempotency_key="key")[0]
    assert store.studies.create(study_spec(target_runtime_ms=[80, 60]), idempotency_key="key")[0] == first
    for other in (80, [60, 80], [80, 60, 70]):
        with pytest.raises(IdempotencyKeyReusedError):
            store.studies.create(study_spec(target_runtime_ms=other), idempotency_key="key")
    store.studies.create(study_spec(target_runtime_ms=[70]), idempotency_key="single")
    assert not store.studies.create(study_spec(target_runtime_ms=70), idempotency_key="single")[1]


def test_retargeting_to_several_and_back(store: Store) -> None:
    source = filled(store, new_study(store, name="first"))
    several = store.studies.retarget(source.id, 60.0, 100.0)
    assert several.state is StudyState.COMPLETED
    assert (several.spec.name, several.spec.targets_ms) == ("first for 60, 100 ms", (60, 100))
    assert [best.number for _, best in several.bests] == [2, 0]
    back = store.studies.retarget(several.id, 80.0, budget_epochs=8)
    assert (back.spec.target_runtime_ms, back.bests) == (80, ((80, back.best),))
    assert back.best is not None
    assert (back.best.number, back.best.reward) == (1, 0.9)


def test_changing_a_study_keeps_its_targets(store: Store) -> None:
    study = filled(store, new_study(store, target_runtime_ms=[80, 60]))
    changed = store.studies.update(study.id, changes={"name": "renamed"})
    assert changed.spec.targets_ms == (80, 60)
    assert changed.bests == study.bests


@pytest.mark.parametrize(("targets", "queries"), [(1, 3), (2, 4), (8, 10)])
def test_a_query_for_each_further_target_however_many_studies(
    database_url: str, targets: int, queries: int
) -> None:
    engine = create_engine(database_url)
    migrate.upgrade(engine)
    store = Store(engine)
    for number in range(5):
        study = new_study(store, target_runtime_ms=[60.0 + n for n in range(targets if number else 1)])
        searches.finished_trial(store, study.id)
    with recorded(engine) as statements:
        assert len(store.studies.list().items) == 5
    assert len(statements) == queries
    engine.dispose()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def scored(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, str]]:
    """A database with a study of twelve trials, and the study's id."""
    if request.param == "postgresql":
        engine = create_engine(request.getfixturevalue("new_postgres_database")())
    else:
        engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('targets') / 'spnas.db'}")
    migrate.upgrade(engine)
    store = Store(engine)
    study = new_study(store, target_runtime_ms=[80, 60], epochs={"min": 1, "max": 2})
    for number in range(12):
        epochs = 1 if number % 4 == 0 else 2
        outcome = {"accuracy": 0.9 - 0.013 * number, "runtime_ms": 130.0 - 9 * number}
        searches.finished_trial(store, study.id, epochs=epochs, **outcome)
    yield engine, study.id
    engine.dispose()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.lists(st.floats(1, 200), min_size=2, max_size=8, unique=True))
def test_bests_are_those_of_eq_19(scored: tuple[Engine, str], targets_ms: list[float]) -> None:
    engine, study_id = scored
    changes = {"target_runtime_ms": targets_ms[0], "further_targets_ms": targets_ms[1:]}
    with engine.begin() as connection:
        connection.execute(update(StudyRow).values(changes))
    store = Store(engine)
    full = [trial for trial in store.trials.history(study_id) if trial.epochs == 2]
    for target, best in store.studies.get(study_id).bests:
        rewards = [(reward(t.accuracy or 0, t.runtime_ms or 0, target), -t.number) for t in full]
        assert (best.reward, -best.number) == max(rewards)
