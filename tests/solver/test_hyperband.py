from collections import Counter
from dataclasses import replace

from solver.base import Observation, Pending
from solver.hyperband import Hyperband
from tests.solver.studies import PROBLEM, run_study


def short(count: int) -> list[Observation]:
    """Lambdas at two epochs, each better than the one before."""
    return [Observation(number, 0.2 + 0.1 * number, 2, 0.5 + 0.01 * number, 70.0) for number in range(count)]


def test_best_half_of_a_rung_is_promoted_best_first() -> None:
    history = short(4)
    first = Hyperband().suggest(PROBLEM, history, [], 400)
    assert first is not None
    assert (first.lambda_, first.epochs) == (history[3].lambda_, 4)
    second = Hyperband().suggest(PROBLEM, history, [Pending(4, first.lambda_, 4)], 400)
    assert second is not None
    assert (second.lambda_, second.epochs) == (history[2].lambda_, 4)


def test_one_short_search_is_no_reason_to_promote() -> None:
    suggestion = Hyperband().suggest(PROBLEM, short(1), [], 400)
    assert suggestion is not None
    assert suggestion.lambda_ != short(1)[0].lambda_


def test_failed_promotion_is_not_repeated_and_not_promoted_further() -> None:
    history = [*short(2), Observation(2, short(2)[1].lambda_, 4, None, None)]
    for remaining in (400, 20):
        suggestion = Hyperband().suggest(PROBLEM, history, [], remaining)
        assert suggestion is not None
        assert suggestion.lambda_ not in {trial.lambda_ for trial in history}


def test_study_spreads_over_rungs() -> None:
    history = run_study(Hyperband(), PROBLEM, 400, workers=3)
    lambdas = Counter(trial.epochs for trial in history)
    assert set(lambdas) == {2, 4, 8}
    longest = {trial.lambda_ for trial in history if trial.epochs == 8}
    promoted = longest & {trial.lambda_ for trial in history if trial.epochs == 4}
    assert len(promoted) >= 5


def test_last_affordable_trial_is_at_full_fidelity() -> None:
    for budget in range(8, 40):
        assert run_study(Hyperband(), PROBLEM, budget)[-1].epochs == 8


def test_rungs_never_go_below_the_lowest_fidelity() -> None:
    problem = replace(PROBLEM, epochs_min=3, epochs_max=27)
    history = run_study(Hyperband(eta=3), problem, 600)
    assert {trial.epochs for trial in history} == {3, 9, 27}
