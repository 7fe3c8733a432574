"""Bodies that nobody should send."""

from typing import Any

from tests.service.api.bad_requests.request import JSON, STUDIES, BadRequest


def _spec(why: str, says: str, **fields: Any) -> BadRequest:
    """A study that cannot be."""
    body = {"target_runtime_ms": 80, **fields}
    return BadRequest(why, f"POST {STUDIES}", 422, "validation", says, body, JSON)


def _text(why: str, text: bytes, says: str = "body: is not JSON") -> BadRequest:
    """A body that is not JSON."""
    return BadRequest(why, f"POST {STUDIES}", 400, "malformed-json", says, text, JSON)


NOT_JSON = [
    _text("an empty body", b" ", "EOF while parsing"),
    _text("JSON cut off", b'{"target_runtime_ms": 80', "EOF while parsing an object"),
    _text("something after the JSON", b'{"target_runtime_ms": 80} x', "trailing characters"),
    _text("Python instead of JSON", b"{'target_runtime_ms': 80}", "key must be a string"),
    _text("NaN", b'{"target_runtime_ms": NaN}', "expected value"),
    _text("Infinity", b'{"target_runtime_ms": Infinity}', "expected value"),
    _text("bytes that are not UTF-8", b'{"target_runtime_ms": 80, "name": "\xff"}', "invalid unicode"),
    _text("half a surrogate pair", b'{"target_runtime_ms": 80, "name": "\\ud800"}', "escape"),
    _text("100,000 nested lists", b"[" * 100_000, "recursion limit"),
    _text(
        "a number of 10,000 digits", b'{"target_runtime_ms": ' + b"1" * 10_000 + b"}", "number out of range"
    ),
]

NOT_A_SPEC = [
    BadRequest(
        "a list",
        f"POST {STUDIES}",
        422,
        "validation",
        "body: must be a JSON object",
        [{"target_runtime_ms": 80}],
        JSON,
    ),
    BadRequest("no target", f"POST {STUDIES}", 422, "validation", "target_runtime_ms: is required", {}, JSON),
    BadRequest(
        "a misspelt field",
        f"POST {STUDIES}",
        422,
        "validation",
        "traget_runtime_ms: is not a known field",
        {"traget_runtime_ms": 80},
        JSON,
    ),
    _spec("text for a number", 'target_runtime_ms: must be a valid number; got "80"', target_runtime_ms="80"),
    _spec("true for a number", "must be a valid number; got true", target_runtime_ms=True),
    _spec("a negative target", "must be greater than or equal to 0.001; got -80", target_runtime_ms=-80),
    _spec("a target of zero", "must be greater than or equal to 0.001; got 0", target_runtime_ms=0),
    _spec("a huge target", "must be less than or equal to 1000000", target_runtime_ms=1e300),
    _spec("no targets in a list", "must hold 1 to 8 targets; got 0", target_runtime_ms=[]),
    _spec("the same target twice", "targets must be distinct; 80 is there", target_runtime_ms=[80, 80]),
    _spec("a bound that overflows", "lambda_range.high", lambda_range={"high": 10**400}),
    _spec(
        "lambda from high to low",
        "low must be below high; got low=3.0, high=1.0",
        lambda_range={"low": 3, "high": 1},
    ),
    _spec("lambda of zero", "lambda_range.low: must be greater than or equal to", lambda_range={"low": 0}),
    _spec("half an epoch", "epochs.max: must be a valid integer", epochs={"max": 2.5}),
    _spec("epochs the wrong way round", "min must not exceed max; got min=9, max=8", epochs={"min": 9}),
    _spec("a budget for no trial", "it is 7, epochs.max is 8", budget_epochs=7),
    _spec("an endless budget", "budget_epochs: must be less than or equal to 1000000", budget_epochs=10**12),
    _spec("a seed below zero", "seed: must be greater than or equal to 0; got -1", seed=-1),
    _spec("an unknown platform", "platform: there is no 'pixel9'; known: pixel1", platform="pixel9"),
    _spec("a platform elsewhere on the disk", "known: pixel1", platform="../../etc/passwd"),
    _spec("an unknown solver", "solver.kind: must be one of bayesian", solver={"kind": "magic"}),
    _spec(
        "an unknown option of a solver",
        "solver.depth: is not a known field",
        solver={"kind": "random", "depth": 3},
    ),
    _spec(
        "an unknown data set",
        "search.dataset: there is no 'imagenet'; known: digits",
        search={"dataset": "imagenet"},
    ),
    _spec(
        "a data set where nobody may read",
        "lies outside the folders that",
        search={"dataset": "imagefolder:/etc"},
    ),
    _spec(
        "a data set that climbs out",
        "lies outside the folders that",
        search={"dataset": "imagefolder:/srv/data/../../etc"},
    ),
    _spec("one and a half cores", "above 1 it must be a whole number", resources={"cpus": 1.5}),
    _spec("NUL in a name", "name: must not contain NUL", name="a\0b"),
    _spec("a name of 201 characters", "name: must have at most 200 characters", name="ä" * 201),
    _spec("notes of 20,000 characters", "notes: must have at most 10000 characters", notes="x" * 20_000),
    _spec("an empty tag", "tags.0: must have at least 1 character", tags=[""]),
    _spec("a state of one's own", "state: is not a known field", state="completed"),
]

BODIES = [
    BadRequest(
        "a body of 1.1 MB",
        f"POST {STUDIES}",
        413,
        "body-too-large",
        "must not be longer than 1000000 bytes",
        b'{"target_runtime_ms": 80, "notes": "' + b"x" * 1_100_000 + b'"}',
        JSON,
    ),
    BadRequest(
        "a form",
        f"POST {STUDIES}",
        415,
        "unsupported-media-type",
        "send the body as application/json; got text/plain",
        b"target_runtime_ms=80",
        {"content-type": "text/plain"},
    ),
    BadRequest(
        "packed JSON",
        f"POST {STUDIES}",
        415,
        "unsupported-media-type",
        "send the body as it is, without Content-Encoding",
        b"\x1f\x8b\x08\x00",
        {**JSON, "content-encoding": "gzip"},
    ),
    BadRequest(
        "1.1 MB in chunks, unannounced",
        f"POST {STUDIES}",
        413,
        "body-too-large",
        "must not be longer than 1000000 bytes",
        b'{"target_runtime_ms": 80, "notes": "' + b"x" * 1_100_000 + b'"}',
        JSON,
        sent="in chunks",
    ),
    BadRequest(
        "a body that does not come to its end",
        f"POST {STUDIES}",
        408,
        "body-too-slow",
        "the body must arrive within 1 s",
        {"target_runtime_ms": 80},
        JSON,
        sent="too slowly",
    ),
]
