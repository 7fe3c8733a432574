"""The answer of a study, one line per target: what its solver recommends, or its best trial."""

import concurrent.futures
import logging
from collections.abc import Iterator
from dataclasses import dataclass

from service.advisor import Advisor, has_model
from service.domain.advice import Advice
from service.domain.errors import BusyError, SpnasError
from service.domain.records import StudyRecord, TrialRecord
from solver.base import Interval

_LOG = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 1.0
"""A page waits no longer for the solver."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer for one target.

    Attributes:
        target_ms: The target.
        lambda_: Recommended trade-off.
        hinge_target_ms: Set where it is that of a search with a hinged runtime term.
        runtime_ms: Expected runtime, or that of the best trial.
        accuracy: Likewise.
        runtime_bounds: Interval of the runtime in ms, or None without a model.
        accuracy_bounds: Interval of the accuracy, likewise.
        probability_within: P(R <= target), likewise.
        best_number: The best trial so far, or None.
        nearest_number: The trial with the nearest lambda, or None; without a model the best one.
    """

    target_ms: float
    lambda_: float
    hinge_target_ms: float | None
    runtime_ms: float
    accuracy: float
    runtime_bounds: Interval | None
    accuracy_bounds: Interval | None
    probability_within: float | None
    best_number: int | None
    nearest_number: int | None


@dataclass(frozen=True, slots=True)
class Answers:
    """What a page shows.

    Attributes:
        found: One for each target that there is an answer for. Of one target none without the model's: the
            best trial says it all.
        is_due: Whether a model's are still to come.
    """

    found: tuple[Answer, ...]
    is_due: bool


def answers(study: StudyRecord, advisor: Advisor) -> Answers:
    """Answers by the solver's model where they are at hand soon, else by the best trials."""
    advised: dict[float, Answer] = {}
    is_due = False
    if has_model(study):
        try:
            asked = {target: advisor.ask(study, target) for target in study.spec.targets_ms}
        except BusyError:
            asked, is_due = {}, True
        waiting = concurrent.futures.wait(asked.values(), LONGEST_WAIT_SECONDS).not_done
        is_due = is_due or bool(waiting)
        for target, future in asked.items():
            if future not in waiting and (advice := _advice(study, future)) is not None:
                advised.update((target, each) for each in _by_model(advice))
    if not advised and len(study.spec.targets_ms) == 1:
        return Answers((), is_due)
    both = {target: each for target, best in study.bests for each in _by_trial(target, best)} | advised
    return Answers(tuple(both[target] for target in study.spec.targets_ms if target in both), is_due)


def _advice(study: StudyRecord, answer: "concurrent.futures.Future[Advice | None]") -> Advice | None:
    """The solver's answer, or None where it fails: the page that shows why must not fail with it."""
    error = answer.exception()
    if isinstance(error, SpnasError):
        raise error
    if error is not None:
        _LOG.error("study %s: its solver cannot recommend", study.id, exc_info=error)
        return None
    return answer.result()


def _by_model(advice: Advice) -> Iterator[Answer]:
    found = advice.recommendation
    if found.runtime_ms is not None and found.accuracy is not None:
        yield Answer(
            target_ms=found.target_ms,
            lambda_=found.lambda_,
            hinge_target_ms=found.hinge_target_ms,
            runtime_ms=found.runtime_ms.mean,
            accuracy=found.accuracy.mean,
            runtime_bounds=found.runtime_ms,
            accuracy_bounds=found.accuracy,
            probability_within=found.probability_within,
            best_number=found.number,
            nearest_number=advice.nearest_number,
        )


def _by_trial(target_ms: float, best: TrialRecord) -> Iterator[Answer]:
    if best.runtime_ms is not None and best.accuracy is not None:
        yield Answer(
            target_ms=target_ms,
            lambda_=best.lambda_,
            hinge_target_ms=best.hinge_target_ms,
            runtime_ms=best.runtime_ms,
            accuracy=best.accuracy,
            runtime_bounds=None,
            accuracy_bounds=None,
            probability_within=None,
            best_number=best.number,
            nearest_number=best.number,
        )
