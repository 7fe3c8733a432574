import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.db.store import Store
from service.db.trials import Trials
from service.domain.errors import NotFoundError
from service.figures.readings import MOST_KEPT, Readings
from tests.service import searches
from tests.service.db.helpers import new_study


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the studies whose trials are really read."""
    asked: list[str] = []
    summaries = Trials.summaries

    def counting(self: Trials, study_id: str) -> object:
        asked.append(study_id)
        return summaries(self, study_id)

    monkeypatch.setattr(Trials, "summaries", counting)
    return asked


def test_a_study_is_read_once_per_revision(store: Store, reads: list[str]) -> None:
    readings, study = Readings(store), new_study(store)
    first = readings.of(study.id)
    assert readings.of(study.id) is first
    trial = searches.finished_trial(store, study.id)
    second = readings.of(study.id)
    assert second.study == store.studies.get(study.id)
    assert [each.number for each in second.trials] == [trial.number]
    assert second.spent_when_done == {trial.number: trial.epochs}
    assert reads == [study.id] * 2


def test_figures_that_are_asked_for_at_a_time_read_once(store: Store, reads: list[str]) -> None:
    readings, study = Readings(store), new_study(store)
    begin = threading.Barrier(6)

    def ask(_: int) -> object:
        begin.wait(30)
        return readings.of(study.id)

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(ask, range(6)))
    assert all(each is found[0] for each in found)
    assert reads == [study.id]


def test_a_failed_reading_is_not_kept(
    store: Store, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    readings, study = Readings(store), new_study(store)
    with monkeypatch.context() as patch:
        patch.setattr(Trials, "spent_when_done", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            readings.of(study.id)
    assert readings.of(study.id).trials == ()
    with pytest.raises(NotFoundError):
        readings.of("nobody")


def test_the_studies_that_were_asked_for_longest_ago_are_forgotten(store: Store, reads: list[str]) -> None:
    readings = Readings(store)
    ids = [new_study(store).id for _ in range(MOST_KEPT + 1)]
    for study_id in (*ids, ids[-1], ids[0]):
        readings.of(study_id)
    assert reads == [*ids, ids[0]]
