"""What a solver is: a stateless rule from (problem, history, pending) to the next trial."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from solver.reward import reward


@dataclass(frozen=True, slots=True)
class Problem:
    """What a study asks: the best ConvNet around the target, within a lambda range and an epoch budget.

    Attributes:
        targets_ms: The target runtimes R_T in milliseconds; one in the simple case.
        lambda_low: Lower end of the lambda range, positive.
        lambda_high: Upper end; lambda is sampled on a log scale.
        epochs_min: Lowest fidelity.
        epochs_max: Full fidelity, z = 8 in the paper.
        seed: Seed of the study.
    """

    targets_ms: tuple[float, ...]
    lambda_low: float
    lambda_high: float
    epochs_min: int
    epochs_max: int
    seed: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The next trial: one NAS search.

    Attributes:
        lambda_: Trade-off of Eq. 10, within the problem's range.
        epochs: Fidelity, within [epochs_min, epochs_max].
        hinge_target_ms: When set, the search minimises CE + lambda * max(0, log(R / hinge_target_ms)) instead
            of Eq. 10. Such trials are no data about lambda -> runtime of plain ones.
    """

    lambda_: float
    epochs: int
    hinge_target_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """A trial that ended. One that failed or was cancelled has no accuracy and no runtime.

    Attributes:
        number: Number of the trial in its study, from 0.
        lambda_: See :class:`Suggestion`.
        epochs: See :class:`Suggestion`.
        accuracy: Validation accuracy in [0, 1], or None.
        runtime_ms: Runtime R in milliseconds, or None.
        hinge_target_ms: See :class:`Suggestion`.
    """

    number: int
    lambda_: float
    epochs: int
    accuracy: float | None
    runtime_ms: float | None
    hinge_target_ms: float | None = None

    def reward(self, target_ms: float) -> float | None:
        """Eq. 19 for a target in milliseconds, or None where the trial has no outcome."""
        if self.accuracy is None or self.runtime_ms is None:
            return None
        return reward(self.accuracy, self.runtime_ms, target_ms)


@dataclass(frozen=True, slots=True)
class Pending:
    """A trial that is queued or running. Attributes as in :class:`Observation`."""

    number: int
    lambda_: float
    epochs: int
    hinge_target_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A central estimate and the bounds that hold the value with the stated probability.

    Attributes:
        mean: Expected value.
        low: Lower bound.
        high: Upper bound.
        probability: Of lying between the bounds, such as 0.9.
    """

    mean: float
    low: float
    high: float
    probability: float


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What a solver advises for one target after the trials seen so far.

    Attributes:
        target_ms: The target runtime R_T in milliseconds.
        lambda_: Trade-off to search with at full fidelity.
        reward: Expected Eq. 19 of such a search.
        number: Finished full-fidelity trial with the best Eq. 19, whose ConvNet is at hand, or None.
        accuracy: Accuracy of a search at ``lambda_``, or None where the solver has no model of it.
        runtime_ms: Its runtime R in milliseconds, or None likewise.
        probability_within: P(R <= R_T), or None likewise.
        hinge_target_ms: See :class:`Suggestion`; set when the advice is for such a search.
    """

    target_ms: float
    lambda_: float
    reward: float
    number: int | None
    accuracy: Interval | None = None
    runtime_ms: Interval | None = None
    probability_within: float | None = None
    hinge_target_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a solver's model expects of new searches at full fidelity.

    Attributes:
        lambdas: m trade-offs over the whole range, ascending.
        accuracies: Of a search with each, m intervals.
        runtimes_ms: Runtime R in milliseconds of each, m intervals.
    """

    lambdas: tuple[float, ...]
    accuracies: tuple[Interval, ...]
    runtimes_ms: tuple[Interval, ...]


class Solver(BaseModel, ABC):
    """A solver and its options. Immutable; everything else comes in with each call.

    The same arguments give the same suggestion in any process. Every trial of the study is either in the
    history or pending, so ``len(history) + len(pending)`` numbers the suggestion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    description: ClassVar[str]
    """One line for people who choose a solver."""

    kind: str

    @abstractmethod
    def suggest(
        self,
        problem: Problem,
        history: Sequence[Observation],
        pending: Sequence[Pending],
        remaining_epochs: int,
    ) -> Suggestion | None:
        """Proposes the next trial.

        Args:
            problem: What the study asks.
            history: Trials that ended, in any order.
            pending: Trials that are queued or running.
            remaining_epochs: Budget neither spent nor reserved; the suggestion never costs more.

        Returns:
            The next trial, or None when there is none to propose: with pending trials, ask again once one of
            them has ended; without, the study is complete.
        """

    def check(self, problem: Problem) -> None:
        """Tells whether the options fit the problem; most fit any.

        Raises:
            ValueError: An option contradicts the problem; the message says which and what was expected.
        """

    def recommend(
        self, problem: Problem, history: Sequence[Observation], target_ms: float | None = None
    ) -> Recommendation | None:
        """What to use after these trials; unless overridden, the best trial seen at full fidelity.

        Args:
            problem: What the study asks.
            history: Trials that ended, in any order.
            target_ms: The target runtime in milliseconds; None: the problem's first.

        Returns:
            The advice, or None when no trial at full fidelity has an outcome.
        """
        target_ms = problem.targets_ms[0] if target_ms is None else target_ms
        best = best_trial(problem, history, target_ms)
        if best is None:
            return None
        trial, value = best
        return Recommendation(
            target_ms, trial.lambda_, value, trial.number, hinge_target_ms=trial.hinge_target_ms
        )

    def forecast(
        self,
        problem: Problem,  # noqa: ARG002 - for solvers that have a model
        history: Sequence[Observation],  # noqa: ARG002
    ) -> Forecast | None:
        """What to expect all over the range of lambda; unless overridden None, for want of a model.

        Args:
            problem: What the study asks.
            history: Trials that ended, in any order.

        Returns:
            The forecast, or None too when no trial has an outcome.
        """
        return None


def best_trial(
    problem: Problem, history: Sequence[Observation], target_ms: float
) -> tuple[Observation, float] | None:
    """The trial at full fidelity with the highest Eq. 19 and that reward; the lower number wins a tie."""
    best: tuple[Observation, float] | None = None
    for trial in sorted(history, key=lambda trial: trial.number):
        value = trial.reward(target_ms)
        if value is not None and trial.epochs == problem.epochs_max and (best is None or value > best[1]):
            best = trial, value
    return best
