import pytest

from nas_worker.platform import WholeConvNet, load_platform
from service.db.store import Store
from service.domain.errors import ConflictError, NotFoundError
from service.domain.spec import StudySpec


def test_a_platform_that_is_put_in_comes_out_the_same(store: Store) -> None:
    mine = load_platform("pixel1").model_copy(update={"name": "my-phone", "base_ms": 0.1 + 0.2})
    store.platforms.put(mine)
    assert store.platforms.get("my-phone") == mine
    assert store.platforms.get("my-phone").content_hash == mine.content_hash
    faster = mine.model_copy(update={"base_ms": 1.0})
    store.platforms.put(faster)
    store.platforms.put(mine.model_copy(update={"name": "another"}))
    assert [platform.name for platform in store.platforms.list()] == ["another", "my-phone"]
    assert store.platforms.get("my-phone") == faster


def test_shipped_platforms_are_there_and_stay(store: Store) -> None:
    assert store.platforms.get("pixel1") == load_platform("pixel1")
    assert store.platforms.list() == ()
    with pytest.raises(ConflictError, match="'pixel1'"):
        store.platforms.put(load_platform("pixel1"))


def test_a_missing_platform_is_not_found(store: Store) -> None:
    for name in ("missing", "", "\x00", "\ud800"):
        with pytest.raises(NotFoundError, match="there is no platform"):
            store.platforms.get(name)


def test_a_platform_that_an_unfinished_study_uses_stays_as_it_is(store: Store) -> None:
    mine = load_platform("pixel1").model_copy(update={"name": "my-phone"})
    store.platforms.put(mine)
    study, _ = store.studies.create(StudySpec(target_runtime_ms=80, platform="my-phone"))
    store.platforms.put(mine)
    tested = WholeConvNet(architecture=("3x3-3-0",) * 20, measured_ms=80)
    store.platforms.put(mine.model_copy(update={"measured_convnets": (tested,)}))  # the table is the same
    other = mine.model_copy(update={"base_ms": 1.0})
    with pytest.raises(ConflictError, match=study.id):
        store.platforms.put(other)
    store.studies.cancel(study.id)
    store.platforms.put(other)
    assert store.platforms.get("my-phone") == other
