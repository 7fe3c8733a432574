import base64
import json
from collections.abc import Callable

import pytest

from service.db.store import Store
from service.db.trials import TrialOrder
from service.domain.errors import InvalidFieldError
from service.domain.states import StudyState, TrialState
from tests.service import searches
from tests.service.db.helpers import new_study, queued_trial, running_trial


def encoded(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def decoded(token: str) -> list[object]:
    content: list[object] = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    return content


def test_pages_of_studies_hold_each_once_although_others_come_and_go(store: Store) -> None:
    ids = [new_study(store, name=str(number)).id for number in range(7)]
    seen, token = [], None
    while True:
        page = store.studies.list(page_size=2, page_token=token)
        seen += [study.id for study in page.items]
        new_study(store, name="meanwhile")
        if page.next_page_token is None:
            break
        token = page.next_page_token
        if len(seen) == 4:  # the study that the token points at
            store.studies.cancel(seen[-1])
            store.studies.delete(seen[-1])
    assert seen == ids[::-1]


def test_a_full_last_page_has_no_next(store: Store) -> None:
    for _ in range(4):
        new_study(store)
    page = store.studies.list(page_size=2)
    assert page.next_page_token is not None
    assert store.studies.list(page_size=2, page_token=page.next_page_token).next_page_token is None
    assert store.studies.list(states=[StudyState.FAILED], page_size=1).items == ()


@pytest.mark.parametrize("order_by", ["number", "reward", "lambda"])
def test_pages_of_trials_in_every_order(store: Store, order_by: TrialOrder) -> None:
    study, lease = new_study(store), searches.lease(store)
    outcomes = [(0.5, 70.0, 2.0), (0.9, 80.1, 1.0), (0.5, 60.0, 1.0), (0.0, 60.0, 0.3), (1 / 3, 7.0, 0.1)]
    for accuracy, runtime_ms, lambda_ in outcomes:
        searches.finished_trial(
            store, study.id, accuracy=accuracy, runtime_ms=runtime_ms, lambda_=lambda_, epochs=2
        )
    running_trial(store, lease, study, epochs=2)
    queued_trial(store, lease, study, lambda_=1.0, epochs=2)
    numbers = {
        "number": [0, 1, 2, 3, 4, 5, 6],
        "lambda": [4, 3, 1, 2, 5, 6, 0],
        "reward": [1, 0, 2, 4, 3, 5, 6],
    }[order_by]
    for page_size in (1, 2, 3, 7, 100):
        seen, token = [], None
        while True:
            page = store.trials.list(study.id, order_by=order_by, page_size=page_size, page_token=token)
            seen += [trial.number for trial in page.items]
            if (token := page.next_page_token) is None:
                break
        assert seen == numbers


def test_an_impossible_page_size_is_refused(store: Store) -> None:
    study = new_study(store)
    for call in (
        lambda: store.studies.list(page_size=0),
        lambda: store.studies.list(page_size=1001),
        lambda: store.trials.list(study.id, page_size=-1),
    ):
        with pytest.raises(InvalidFieldError) as refused:
            call()
        assert refused.value.field == "page_size"


NOT_TOKENS = [
    "",
    "x",
    "!!!!",
    "é",
    "\x00",
    "\ud800",
    "A" * 5000,
    encoded(None),
    encoded([]),
    encoded({}),
    encoded("abc"),
    base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    base64.urlsafe_b64encode(b"[" * 500_000).decode(),
]

FORGERIES: list[Callable[[list[object]], list[object]]] = [
    lambda real: real[:1],
    lambda real: [*real, 1],
    lambda real: ["0" * 16, *real[1:]],
    lambda real: [real[0], *("1" for _ in real[1:])],
    lambda real: [real[0], *(None for _ in real[1:])],
    lambda real: [real[0], *(True for _ in real[1:])],
    lambda real: [real[0], *(10**30 for _ in real[1:])],
    lambda real: [real[0], *(float("nan") for _ in real[1:])],
    lambda real: [real[0], *(float("inf") for _ in real[1:])],
    lambda real: [real[0], *([1] for _ in real[1:])],
]


def test_what_is_no_token_is_refused(store: Store) -> None:
    study = new_study(store)
    for token in NOT_TOKENS:
        with pytest.raises(InvalidFieldError) as refused:
            store.studies.list(page_token=token)
        assert refused.value.field == "page_token"
        with pytest.raises(InvalidFieldError, match="page_token"):
            store.trials.list(study.id, page_token=token)
        with pytest.raises(InvalidFieldError, match="page_token"):
            store.trials.list(study.id, page_token=token, order_by="reward")


def test_forged_tokens_are_refused(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    new_study(store)
    for _ in range(2):
        queued_trial(store, lease, study)
    of_studies = store.studies.list(page_size=1).next_page_token
    of_trials = store.trials.list(study.id, page_size=1, order_by="lambda").next_page_token
    assert of_studies is not None
    assert of_trials is not None
    for forge in FORGERIES:
        with pytest.raises(InvalidFieldError, match="page_token"):
            store.studies.list(page_token=encoded(forge(decoded(of_studies))))
        with pytest.raises(InvalidFieldError, match="page_token"):
            store.trials.list(study.id, order_by="lambda", page_token=encoded(forge(decoded(of_trials))))


def test_a_key_beyond_every_row_gives_an_empty_page(store: Store) -> None:
    study, lease = new_study(store), searches.lease(store)
    for _ in range(2):
        queued_trial(store, lease, study)
    token = store.trials.list(study.id, page_size=1).next_page_token
    assert token is not None
    digest, _ = decoded(token)
    assert store.trials.list(study.id, page_token=encoded([digest, 2**40])).items == ()


def test_a_token_belongs_to_one_list(store: Store) -> None:
    study, other, lease = new_study(store), new_study(store), searches.lease(store)
    for _ in range(3):
        queued_trial(store, lease, study)
        queued_trial(store, lease, other)
    token = store.trials.list(study.id, page_size=1).next_page_token
    assert token is not None
    for call in (
        lambda: store.trials.list(other.id, page_token=token),
        lambda: store.trials.list(study.id, page_token=token, order_by="lambda"),
        lambda: store.trials.list(study.id, page_token=token, states=[TrialState.QUEUED]),
        lambda: store.trials.list(study.id, page_token=token, updated_since=study.created_at),
        lambda: store.studies.list(page_token=token),
    ):
        with pytest.raises(InvalidFieldError, match="this very list"):
            call()
