"""Fills an empty database with many studies in a few transactions, by the store's own models.

The dispatcher's functions, a transaction for each change, would take minutes.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
from sqlalchemy import Engine, func, insert, select
from sqlalchemy.orm import Session

from benchmarks._families import member
from service.db import migrate
from service.db.derive import columns_of
from service.db.models import EpochRow, EventRow, StudyRow, TrialRow
from service.domain.events import EventKind
from service.domain.spec import StudySpec
from service.domain.states import StudyState, TrialState
from solver.space import from_unit

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ARCHITECTURE = ["3x3-3-0", "5x5-6-0.25", "3x3-6-0.5", "skip"] * 5
_EPOCH_SECONDS = 5.0
_FAILED_EVERY = 50
_STUDIES_AT_ONCE = 500

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Searches:
    """Searches by number.

    Attributes:
        lambdas: Of each.
        outcomes: After 1, 2 ... 8 epochs the accuracy of each, and its runtime in milliseconds.
    """

    lambdas: list[float]
    outcomes: list[tuple[list[float], list[float]]]


def fill(engine: Engine, *, studies: int, trials_each: int, trials_of_last: int) -> str:
    """Makes the tables and writes completed studies, whose trials have 2 to 8 epochs; some failed at the end.

    Args:
        engine: An empty database.
        studies: How many.
        trials_each: Trials of each of them but the last.
        trials_of_last: Trials of the last, which is the newest.

    Returns:
        The id of the last study.
    """
    migrate.upgrade(engine)
    counts = [trials_each] * (studies - 1) + [trials_of_last]
    found = searches(max(counts))
    trial_ids = itertools.count(1)
    for first in range(1, studies + 1, _STUDIES_AT_ONCE):
        keys = range(first, min(first + _STUDIES_AT_ONCE, studies + 1))
        trials = [trial for key in keys for trial in _trials(key, counts[key - 1], found)]
        for trial in trials:
            trial["id"] = next(trial_ids)
        with Session(engine) as session, session.begin():
            session.execute(insert(StudyRow), [_study(key, counts[key - 1]) for key in keys])
            session.execute(insert(TrialRow), trials)
            session.execute(insert(EpochRow), [epoch for trial in trials for epoch in _epochs(trial, found)])
            session.execute(insert(EventRow), [event for trial in trials for event in _events(trial)])
    _count_on(engine)
    return _id(studies)


def _count_on(engine: Engine) -> None:
    """Has PostgreSQL number the next rows after those that came with a number."""
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            for column in (StudyRow.key, TrialRow.id):
                table = column.class_.__tablename__
                last = select(func.max(column)).scalar_subquery()
                connection.execute(select(func.setval(func.pg_get_serial_sequence(table, column.key), last)))


@cache
def searches(count: int) -> Searches:
    """Plausible searches, the same each time."""
    landscape, rng = member("gates", 0), np.random.default_rng(0)
    units = rng.random(count)
    lambdas = [from_unit(landscape.problem, unit) for unit in units]
    outcomes = []
    for epochs in range(1, 9):
        accuracy, runtime_ms = landscape.outcomes(units, epochs, np.random.default_rng(epochs))
        outcomes.append((accuracy.clip(0, 1).tolist(), runtime_ms.tolist()))
    return Searches(lambdas, outcomes)


def _id(key: int) -> str:
    return f"{key:016x}"


def _study(key: int, trials: int) -> Values:
    budget_epochs = max(400, 8 * trials)
    spec = StudySpec(
        target_runtime_ms=80,
        name=f"Benchmark {key}",
        tags=("benchmark",),
        budget_epochs=budget_epochs,
        reuse_trials=False,
    )
    created_at = BEGIN + timedelta(minutes=key)
    return columns_of(spec) | {
        "key": key,
        "id": _id(key),
        "state": StudyState.COMPLETED,
        "revision": 1 + 10 * trials,
        "created_at": created_at,
        "updated_at": created_at + timedelta(seconds=_EPOCH_SECONDS * 8 * trials),
        "warnings": [],
    }


def _trials(key: int, count: int, found: Searches) -> Iterator[Values]:
    for number in range(count):
        started_at = BEGIN + timedelta(minutes=key, seconds=_EPOCH_SECONDS * 8 * number)
        epochs = 2 + number % 7
        finished_at = started_at + timedelta(seconds=_EPOCH_SECONDS * epochs)
        failed = number % _FAILED_EVERY == _FAILED_EVERY - 1
        yield {
            "study_key": key,
            "number": number,
            "state": TrialState.FAILED if failed else TrialState.COMPLETED,
            "lambda_": found.lambdas[number],
            "epochs": epochs,
            "seed": number,
            "attempt": 1,
            "crashes": 0,
            "error": "the loss is not finite" if failed else None,
            "platform_hash": "0" * 64,
            "code_version": "0.1.0",
            "dataset_fingerprint": "0" * 64,
            "created_at": started_at,
            "started_at": started_at,
            "attempt_started_at": started_at,
            "finished_at": finished_at,
            "updated_at": finished_at,
        }


def _epochs(trial: Values, found: Searches) -> Iterator[Values]:
    recorded = trial["epochs"] - (trial["state"] is TrialState.FAILED)
    for epoch in range(1, recorded + 1):
        accuracies, runtimes_ms = found.outcomes[epoch - 1]
        yield {
            "trial_id": trial["id"],
            "epoch": epoch,
            "attempt": 1,
            "recorded_at": trial["started_at"] + timedelta(seconds=_EPOCH_SECONDS * epoch),
            "cross_entropy": 2.0 / epoch,
            "accuracy": accuracies[trial["number"]],
            "runtime_ms": runtimes_ms[trial["number"]],
            "seconds": _EPOCH_SECONDS,
            "architecture": ARCHITECTURE,
            "checkpoint": None,
        }


def _events(trial: Values) -> Iterator[Values]:
    """Created, running, ended."""
    steps = (
        (EventKind.CREATED, TrialState.QUEUED, trial["created_at"]),
        (EventKind.STATE, TrialState.RUNNING, trial["started_at"]),
        (EventKind.STATE, trial["state"], trial["finished_at"]),
    )
    for kind, state, at in steps:
        yield {
            "study_key": trial["study_key"],
            "trial": trial["number"],
            "kind": kind,
            "at": at,
            "attempt": 0 if state is TrialState.QUEUED else 1,
            "state": state.value,
            "detail": "worker-" + "0" * 32 if state is TrialState.RUNNING else None,
        }
