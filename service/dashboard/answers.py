"""The answer of a study, one line per target: what its solver recommends, or its best trial."""

import concurrent.futures
from dataclasses import dataclass

from service.advice import Advisor, has_model
from service.domain.records import StudyRecord, TrialRecord
from solver.base import Interval, Recommendation

LONGEST_WAIT_SECONDS = 1.0
"""A page waits no longer for the solver."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer for one target.

    Attributes:
        target_ms: The target.
        lambda_: Recommended trade-off.
        runtime_ms: Expected runtime, or that of the best trial.
        accuracy: Likewise.
        runtime_bounds: Interval of the runtime in ms, or None without a model.
        accuracy_bounds: Interval of the accuracy, likewise.
        probability_within: P(R <= target), likewise.
        number: The best trial so far, or None.
    """

    target_ms: float
    lambda_: float
    runtime_ms: float
    accuracy: float
    runtime_bounds: Interval | None
    accuracy_bounds: Interval | None
    probability_within: float | None
    number: int | None


def answers(study: StudyRecord, advisor: Advisor) -> tuple[list[Answer], bool]:
    """Answers by the solver's model, else by the best trials.

    Returns:
        One for each target, and whether the model's are still to come. None where the best trial says it all:
        the study has one target and its solver no model.
    """
    is_due = False
    if has_model(study):
        try:
            advice = advisor.ask(study, study.spec.targets_ms).result(LONGEST_WAIT_SECONDS)
            return [found for each in advice if (found := _by_model(each)) is not None], False
        except concurrent.futures.TimeoutError:
            is_due = True
    if len(study.bests) < 2:
        return [], is_due
    return [found for target, best in study.bests if (found := _by_trial(target, best)) is not None], is_due


def _by_model(advice: Recommendation) -> Answer | None:
    if advice.runtime_ms is None or advice.accuracy is None:
        return None
    return Answer(
        target_ms=advice.target_ms,
        lambda_=advice.lambda_,
        runtime_ms=advice.runtime_ms.mean,
        accuracy=advice.accuracy.mean,
        runtime_bounds=advice.runtime_ms,
        accuracy_bounds=advice.accuracy,
        probability_within=advice.probability_within,
        number=advice.number,
    )


def _by_trial(target_ms: float, best: TrialRecord) -> Answer | None:
    if best.runtime_ms is None or best.accuracy is None:
        return None
    return Answer(target_ms, best.lambda_, best.runtime_ms, best.accuracy, None, None, None, best.number)
