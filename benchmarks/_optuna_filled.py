"""The trials of ``benchmarks._filled`` as a study of Optuna's, written straight into its tables."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import optuna
from optuna.distributions import FloatDistribution, distribution_to_json
from sqlalchemy import MetaData, create_engine

from benchmarks._filled import BEGIN, Searches, searches
from solver.reward import reward

_TARGET_MS = 80.0
_STEPS = 8


def fill_optuna(url: str, trials: int) -> None:
    """Makes a study of completed trials in an empty SQLite database.

    Each has lambda as its parameter, Eq. 19 as its value, the accuracy of eight epochs as intermediate
    values, and the accuracy and the runtime, which a figure of the trade-off needs, as attributes. One
    transaction for all of them, where Optuna itself would take minutes.
    """
    optuna.create_study(storage=url, study_name="benchmark", direction="maximize")
    engine = create_engine(url)
    tables = MetaData()
    tables.reflect(engine)
    found = searches(trials)
    with engine.begin() as connection:
        for name, rows in _rows(trials, found).items():
            connection.execute(tables.tables[name].insert(), rows)
    engine.dispose()


def _rows(trials: int, found: Searches) -> dict[str, list[dict[str, Any]]]:
    ids = range(1, trials + 1)
    distribution = distribution_to_json(FloatDistribution(0.1, 10.0, log=True))
    return {
        "trials": [
            {
                "trial_id": trial_id,
                "number": trial_id - 1,
                "study_id": 1,
                "state": "COMPLETE",
                "datetime_start": BEGIN.replace(tzinfo=None) + timedelta(seconds=40 * trial_id),
                "datetime_complete": BEGIN.replace(tzinfo=None) + timedelta(seconds=40 * trial_id + 40),
            }
            for trial_id in ids
        ],
        "trial_params": [
            {
                "trial_id": trial_id,
                "param_name": "lambda",
                "param_value": found.lambdas[trial_id - 1],
                "distribution_json": distribution,
            }
            for trial_id in ids
        ],
        "trial_values": [
            {
                "trial_id": trial_id,
                "objective": 0,
                "value": reward(*_outcome(found, trial_id, _STEPS), _TARGET_MS),
                "value_type": "FINITE",
            }
            for trial_id in ids
        ],
        "trial_intermediate_values": [
            {
                "trial_id": trial_id,
                "step": step,
                "intermediate_value": _outcome(found, trial_id, step)[0],
                "intermediate_value_type": "FINITE",
            }
            for trial_id in ids
            for step in range(1, _STEPS + 1)
        ],
        "trial_user_attributes": [row for trial_id in ids for row in _attributes(found, trial_id)],
    }


def _attributes(found: Searches, trial_id: int) -> Iterator[dict[str, Any]]:
    accuracy, runtime_ms = _outcome(found, trial_id, _STEPS)
    for key, value in (("accuracy", accuracy), ("runtime_ms", runtime_ms)):
        yield {"trial_id": trial_id, "key": key, "value_json": repr(value)}


def _outcome(found: Searches, trial_id: int, epochs: int) -> tuple[float, float]:
    accuracies, runtimes_ms = found.outcomes[epochs - 1]
    return accuracies[trial_id - 1], runtimes_ms[trial_id - 1]
