"""Bodies that a study must not be made of, and the answer that each gets."""

import math
from typing import Any

import pytest

from tests.service.api.problems import assert_invalid, assert_problem
from tests.service.live import Live

INVALID: list[tuple[dict[str, Any], dict[str, str]]] = [
    # Fields that are wrong -> a part of the message of each.
    ({"target_runtime_ms": None}, {"target_runtime_ms": "must be a valid number; got null"}),
    ({"target_runtime_ms": 0}, {"target_runtime_ms": "must be greater than or equal to 0.001; got 0"}),
    ({"target_runtime_ms": -80}, {"target_runtime_ms": "must be greater than or equal to 0.001; got -80"}),
    ({"target_runtime_ms": math.ulp(0.0)}, {"target_runtime_ms": "must be greater than or equal to 0.001"}),
    ({"target_runtime_ms": 1e300}, {"target_runtime_ms": "must be less than or equal to 1000000"}),
    ({"target_runtime_ms": 10**30}, {"target_runtime_ms": "must be less than or equal to 1000000"}),
    ({"target_runtime_ms": "80"}, {"target_runtime_ms": "must be a valid number"}),
    ({"target_runtime_ms": True}, {"target_runtime_ms": "must be a valid number; got true"}),
    ({"target_runtime_ms": {"ms": 80}}, {"target_runtime_ms": "must be a valid number or an array of them"}),
    ({"target_runtime_ms": []}, {"target_runtime_ms": "must hold 1 to 8 targets; got 0"}),
    ({"target_runtime_ms": [*range(1, 10)]}, {"target_runtime_ms": "must hold 1 to 8 targets; got 9"}),
    (
        {"target_runtime_ms": [80, 60, 80.0]},
        {"target_runtime_ms": "targets must be distinct; 80 is there more than once"},
    ),
    ({"target_runtime_ms": [80, -1]}, {"target_runtime_ms.1": "greater than or equal to 0.001; got -1"}),
    (
        {"target_runtime_ms": [0, 80, "60", None]},
        {
            "target_runtime_ms.0": "got 0",
            "target_runtime_ms.2": 'got "60"',
            "target_runtime_ms.3": "got null",
        },
    ),
    ({"target_runtime_ms": [80, True]}, {"target_runtime_ms.1": "must be a valid number; got true"}),
    ({"target_runtime_ms": [[80]]}, {"target_runtime_ms.0": "must be a valid number"}),
    ({"name": "x" * 201}, {"name": "at most 200 characters"}),
    ({"name": 3}, {"name": "must be a valid string; got 3"}),
    ({"name": "a\0b"}, {"name": "must not contain NUL"}),
    ({"platform": "pixel9"}, {"platform": "there is no 'pixel9'; known: pixel1"}),
    ({"platform": ""}, {"platform": "at least 1 character"}),
    ({"platform": "../../etc/passwd"}, {"platform": "known: pixel1"}),
    ({"platform": None}, {"platform": "must be a valid string"}),
    ({"solver": {"kind": "magic"}}, {"solver.kind": "must be one of bayesian, multi_fidelity, random, grid"}),
    ({"solver": {"kind": 3}}, {"solver.kind": "must be one of bayesian"}),
    ({"solver": {}}, {"solver.kind": "is required"}),
    ({"solver": "random"}, {"solver": "must be a JSON object"}),
    ({"solver": None}, {"solver": "must be a JSON object"}),
    ({"solver": {"kind": "random", "depth": 3}}, {"solver.depth": "is not a known field"}),
    (
        {"solver": {"kind": "grid", "repeats": 0}},
        {"solver.repeats": "must be greater than or equal to 1; got 0"},
    ),
    ({"solver": {"kind": "grid", "lambdas": [100]}}, {"solver": "lambdas must lie in the lambda range"}),
    (
        {"lambda_range": {"low": 10, "high": 1}},
        {"lambda_range": "low must be below high; got low=10.0, high=1.0"},
    ),
    ({"lambda_range": {"low": 1, "high": 1}}, {"lambda_range": "low must be below high"}),
    ({"lambda_range": {"low": 20}}, {"lambda_range": "low must be below high; got low=20.0, high=10.0"}),
    (
        {"lambda_range": {"low": 0}},
        {"lambda_range.low": "must be greater than or equal to 0.000000001; got 0"},
    ),
    (
        {"lambda_range": {"low": -1, "high": -2}},
        {"lambda_range.low": "greater", "lambda_range.high": "greater"},
    ),
    ({"lambda_range": {"high": 1e7}}, {"lambda_range.high": "less than or equal to 1000000"}),
    ({"lambda_range": {"low": 1, "high": 2, "step": 1}}, {"lambda_range.step": "is not a known field"}),
    ({"lambda_range": [1, 2]}, {"lambda_range": "must be a JSON object"}),
    ({"epochs": {"min": 9}}, {"epochs": "min must not exceed max; got min=9, max=8"}),
    ({"epochs": {"min": 0}}, {"epochs.min": "greater than or equal to 1; got 0"}),
    ({"epochs": {"max": 2.5}}, {"epochs.max": "must be a valid integer"}),
    ({"epochs": {"max": 10**40}}, {"epochs.max": "less than or equal to 10000"}),
    ({"epochs": 8}, {"epochs": "must be a JSON object"}),
    (
        {"budget_epochs": 7},
        {"budget_epochs": "must buy one trial at full fidelity: it is 7, epochs.max is 8"},
    ),
    ({"epochs": {"max": 500}}, {"budget_epochs": "it is 400, epochs.max is 500"}),
    ({"budget_epochs": 0}, {"budget_epochs": "greater than or equal to 1"}),
    ({"budget_epochs": 10**9}, {"budget_epochs": "less than or equal to 1000000"}),
    ({"max_parallel_trials": 0}, {"max_parallel_trials": "greater than or equal to 1"}),
    ({"max_parallel_trials": 5000}, {"max_parallel_trials": "less than or equal to 1024"}),
    ({"seed": -1}, {"seed": "greater than or equal to 0"}),
    ({"seed": 2**31}, {"seed": "less than 2147483648"}),
    ({"seed": 10**400}, {"seed": "less than 2147483648"}),
    ({"search": {"dataset": "imagenet"}}, {"search.dataset": "known: digits"}),
    ({"search": {"dataset": "a\0"}}, {"search.dataset": "known: digits"}),
    ({"search": {"width": 0}}, {"search.width": "greater than 0"}),
    ({"search": {"batch_size": 1}}, {"search.batch_size": "greater than or equal to 2"}),
    ({"search": {"image_size": 4}}, {"search.image_size": "greater than or equal to 8"}),
    ({"search": {"formulation": "darts"}}, {"search.formulation": "must be"}),
    ({"search": {"formulation": "random_rejection"}}, {"search.runtime_window_ms": "must be two runtimes"}),
    (
        {"search": {"formulation": "random_rejection", "runtime_window_ms": [80, 75]}},
        {"search.runtime_window_ms": "the lower first"},
    ),
    ({"search": {"candidate_epochs": 2}}, {"search.candidate_epochs": "is a setting of random_rejection"}),
    (
        {"search": {"formulation": "multi_path_softmax", "runtime_form": "paper"}},
        {"search.runtime_form": "must be bilinear with multi_path_softmax"},
    ),
    (
        {"search": {"formulation": "single_path_softmax"}, "solver": {"kind": "targeted"}},
        {"solver.kind": "must not be targeted with search.formulation=single_path_softmax"},
    ),
    ({"search": {"optimizer": "adam"}}, {"search.optimizer": "is not a known field"}),
    ({"resources": {"cpus": 0}}, {"resources.cpus": "greater than 0"}),
    ({"resources": {"cpus": 1.5}}, {"resources.cpus": "above 1 it must be a whole number"}),
    ({"resources": {"gpus": -1}}, {"resources.gpus": "greater than or equal to 0"}),
    ({"tags": "a"}, {"tags": "must be a JSON array"}),
    ({"tags": ["", "b", "c" * 65]}, {"tags.0": "at least 1 character", "tags.2": "at most 64 characters"}),
    ({"tags": ["a"] * 33}, {"tags": "at most 32 items"}),
    ({"notes": "x" * 10_001}, {"notes": "at most 10000 characters"}),
    ({"state": "completed"}, {"state": "is not a known field"}),
    ({"__class__": "x"}, {"__class__": "is not a known field"}),
    (
        {"traget": 80, "seed": "x", "epochs": {"min": "1"}},
        {"traget": "known", "seed": "integer", "epochs.min": "int"},
    ),
]

MALFORMED = {
    "nothing": b" ",
    "half": b'{"target_runtime_ms": 80',
    "trailing": b'{"target_runtime_ms": 80} x',
    "single quotes": b"{'target_runtime_ms': 80}",
    "NaN": b'{"target_runtime_ms": NaN}',
    "NaN in a list": b'{"target_runtime_ms": [80, NaN]}',
    "Infinity in a list": b'{"target_runtime_ms": [Infinity]}',
    "Infinity": b'{"target_runtime_ms": 80, "lambda_range": {"high": Infinity}}',
    "-Infinity": b'{"target_runtime_ms": -Infinity}',
    "not UTF-8": b'{"target_runtime_ms": 80, "name": "\xff"}',
    "lone surrogate": b'{"target_runtime_ms": 80, "name": "\\ud800"}',
    "deep": b"[" * 100_000,
    "endless number": b'{"target_runtime_ms": ' + b"1" * 10_000 + b"}",
}

NOT_OBJECTS = {"null": b"null", "list": b"[]", "number": b"80", "string": b'"80"', "true": b"true"}


@pytest.mark.parametrize(("fields", "messages"), INVALID, ids=lambda value: str(value)[:60])
def test_fields_that_are_not_valid(shared: Live, fields: dict[str, Any], messages: dict[str, str]) -> None:
    response = shared.http.post("/v1/studies", json={"target_runtime_ms": 80, **fields})
    got = assert_invalid(response, *messages)
    for field, words in messages.items():
        assert words in got[field]


def test_a_missing_field(shared: Live) -> None:
    assert assert_invalid(shared.http.post("/v1/studies", json={}), "target_runtime_ms") == {
        "target_runtime_ms": "is required"
    }


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_bodies_that_are_not_json(shared: Live, body: bytes) -> None:
    response = shared.http.post("/v1/studies", content=body, headers={"content-type": "application/json"})
    problem = assert_problem(response, 400, "malformed-json")
    (error,) = problem["errors"]
    assert error["field"] == "body"
    assert error["message"].startswith("is not JSON: ")


def test_a_number_too_large_for_a_double(shared: Live) -> None:
    body = b'{"target_runtime_ms": 80, "lambda_range": {"high": 1e999}}'
    response = shared.http.post("/v1/studies", content=body, headers={"content-type": "application/json"})
    assert_invalid(response, "lambda_range.high")


@pytest.mark.parametrize("body", NOT_OBJECTS.values(), ids=NOT_OBJECTS.keys())
def test_bodies_that_are_no_objects(shared: Live, body: bytes) -> None:
    response = shared.http.post("/v1/studies", content=body, headers={"content-type": "application/json"})
    assert assert_invalid(response, "body")["body"] in ("must be a JSON object", "is required")


def test_no_body_at_all(shared: Live) -> None:
    assert_invalid(shared.http.post("/v1/studies"), "body")


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "", "json", "multipart/form-data"])
def test_another_content_type(shared: Live, content_type: str) -> None:
    response = shared.http.post(
        "/v1/studies", content=b'{"target_runtime_ms": 80}', headers={"content-type": content_type}
    )
    assert_problem(response, 415, "unsupported-media-type")


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/merge-patch+json"])
def test_kinds_of_json(shared: Live, content_type: str) -> None:
    response = shared.http.post(
        "/v1/studies", content=b'{"target_runtime_ms": 80}', headers={"content-type": content_type}
    )
    assert response.status_code == 201


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large(shared: Live, chunked: bool) -> None:
    body = b'{"target_runtime_ms": 80, "notes": "' + b"x" * 1_100_000 + b'"}'
    content = iter([body]) if chunked else body
    response = shared.http.post("/v1/studies", content=content, headers={"content-type": "application/json"})
    assert_problem(response, 413, "body-too-large")


@pytest.mark.parametrize("key", ["", "x" * 201, "a b"])
def test_idempotency_keys_that_are_not_valid(shared: Live, key: str) -> None:
    response = shared.http.post(
        "/v1/studies", json={"target_runtime_ms": 80}, headers={"idempotency-key": key}
    )
    assert_invalid(response, "idempotency-key")


def test_paths_and_methods_that_are_not_there(shared: Live) -> None:
    assert_problem(shared.http.get("/v1/nothing"), 404, "not-found")
    assert_problem(shared.http.get("/v1/../../etc/passwd"), 404, "not-found")
    assert_problem(shared.http.post("/v1/studies/x:explode"), 404, "not-found")
    for method, path, allowed in [
        ("PUT", "/v1/studies", "GET, POST"),
        ("POST", "/v1/studies/x", "DELETE, GET, PATCH"),
        ("GET", "/v1/studies/x:pause", "POST"),
        ("POST", "/docs", "GET"),
    ]:
        response = shared.http.request(method, path)
        assert_problem(response, 405, "method-not-allowed")
        assert response.headers["allow"] == allowed
