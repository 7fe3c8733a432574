from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.db.store import Store
from tests.service import searches
from tests.service.db.helpers import new_study

OUTCOMES = st.lists(
    st.tuples(st.sampled_from([0.7, 0.8, 0.9]), st.sampled_from([40.0, 60.0, 80.0, 100.0])), max_size=8
)
PLATFORMS = (f"device {number}" for number in count())


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(outcomes=st.lists(OUTCOMES, min_size=1, max_size=3))
def test_none_is_beaten_and_every_other_is(store: Store, outcomes: list[list[tuple[float, float]]]) -> None:
    platform = next(PLATFORMS)
    for of_study in outcomes:
        study = new_study(store, platform=platform)
        for accuracy, runtime_ms in of_study:
            searches.finished_trial(store, study.id, epochs=2, accuracy=accuracy, runtime_ms=runtime_ms)
    every = {outcome for of_study in outcomes for outcome in of_study}
    found = [
        (trial.accuracy, trial.runtime_ms)
        for trial in store.trials.frontier(platform=platform, dataset="digits")
    ]
    expected = {
        (accuracy, runtime_ms)
        for accuracy, runtime_ms in every
        if not any(
            other != (accuracy, runtime_ms) and other[0] >= accuracy and other[1] <= runtime_ms
            for other in every
        )
    }
    assert found == sorted(expected, key=lambda outcome: outcome[1])


def test_other_platforms_data_sets_and_epochs_do_not_count(store: Store) -> None:
    study = new_study(store, platform="mine")
    best = searches.finished_trial(store, study.id, accuracy=0.9)
    searches.finished_trial(store, study.id, accuracy=0.95, epochs=4)
    searches.start_trial(store, study.id)
    searches.finished_trial(store, new_study(store, platform="another").id, accuracy=0.99)
    dataset = {"dataset": "translated_digits"}
    searches.finished_trial(store, new_study(store, platform="mine", search=dataset).id, accuracy=0.98)
    found = store.trials.frontier(platform="mine", dataset="digits", epochs=8)
    assert found == (best,)
    assert found[0].architecture is not None
    assert store.trials.frontier(platform="mine", dataset="nothing") == ()


def test_a_retargeted_study_adds_nothing(store: Store) -> None:
    study = new_study(store, platform="phone")
    best = searches.finished_trial(store, study.id)
    store.studies.retarget(study.id, 60.0)
    assert store.trials.frontier(platform="phone", dataset="digits") == (best,)
