from service.client import Client
from tests.service.api.problems import assert_invalid
from tests.service.live import Live
from tests.service.searches import finished_trial


def test_the_best_of_all_studies_are_listed_with_their_convnets(shared: Live) -> None:
    first, second = (shared.create(search={"dataset": "translated_digits"})["id"] for _ in range(2))
    finished_trial(shared.store, first, accuracy=0.9, runtime_ms=78)
    finished_trial(shared.store, second, accuracy=0.8, runtime_ms=60)
    finished_trial(shared.store, second, accuracy=0.85, runtime_ms=90)
    with Client(shared.base_url) as client:
        points = client.frontier(dataset="translated_digits")
    assert [(point.study_id, point.number, point.runtime_ms) for point in points] == [
        (second, 0, 60), (first, 0, 78),
    ]  # fmt: skip
    assert all(point.architecture for point in points)


def test_a_filter_that_is_none_is_refused(shared: Live) -> None:
    for name, value in (("epochs", "0"), ("epochs", "x"), ("target", "80")):
        assert_invalid(shared.http.get("/v1/frontier", params={name: value}), name)
