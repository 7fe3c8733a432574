import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.figures.trials import (
    MOST_ON_FRONTIER,
    Outcome,
    best_steps,
    by_spent,
    frontier_of,
    kinds,
    outcomes,
    pareto,
)
from tests.service.figures.plausible import searches
from tests.service.figures.records import study_of

STUDY, TRIALS, _ = study_of(list(searches(40, low_fidelity=True)))
OUTCOMES = outcomes(TRIALS)

endings = st.lists(st.tuples(st.integers(1, 20), st.sampled_from(OUTCOMES)), max_size=30).map(
    lambda pairs: [(sum(step for step, _ in pairs[: i + 1]), pair[1]) for i, pair in enumerate(pairs)]
)


def test_only_completed_trials_have_an_outcome() -> None:
    unfinished = replace(TRIALS[0], accuracy=None, runtime_ms=None, reward=None)
    assert [outcome.trial.number for outcome in outcomes([unfinished, *TRIALS[1:3]])] == [1, 2]


def test_every_outcome_is_of_one_kind() -> None:
    targeted = [
        Outcome(replace(each.trial, hinge_target_ms=80.0), each.accuracy, each.runtime_ms, each.reward)
        for each in OUTCOMES[:3]
    ]
    found = [*targeted, *OUTCOMES[3:]]
    parts = kinds(STUDY, found)
    assert {part.label for part in parts} == {"8 epochs", "fewer epochs", "targeted search"}
    numbers = sorted(outcome.trial.number for part in parts for outcome in part.outcomes)
    assert numbers == [outcome.trial.number for outcome in found]


@given(endings)
def test_steps_are_the_running_best_at_full_fidelity(ended: list[tuple[int, Outcome]]) -> None:
    spent = ended[-1][0] + 3 if ended else 3
    positions, rewards = best_steps(ended, full_epochs=8, spent_epochs=spent)
    for position in range(spent + 1):
        known = [each.reward for at, each in ended if at <= position and each.trial.epochs == 8]
        shown = [reward for at, reward in zip(positions, rewards, strict=True) if at <= position]
        assert (shown[-1:] or None) == ([max(known)] if known else None)
    assert positions == sorted(set(positions))
    if positions:
        assert positions[-1] == spent


def test_trials_follow_the_order_of_completion() -> None:
    spent = {outcome.trial.number: 1000 - outcome.trial.number for outcome in OUTCOMES}
    ended = by_spent(OUTCOMES, spent)
    assert [outcome.trial.number for _, outcome in ended] == sorted(spent, reverse=True)


def test_a_completed_trial_without_epochs_is_a_fault() -> None:
    with pytest.raises(KeyError):
        by_spent(OUTCOMES, {})


def test_a_long_frontier_is_thinned_over_runtime_and_keeps_its_ends() -> None:
    study, trials, _ = study_of(list(searches(1)))
    for count in (1, MOST_ON_FRONTIER, MOST_ON_FRONTIER + 1, 1000):
        found = [
            Outcome(replace(trials[0], number=number), 0.5 + number / 2000, 40.0 + number**1.1, 0.5)
            for number in range(count)
        ]
        assert pareto(found) == found
        front = frontier_of(study, found)
        assert (front[0], front[-1]) == (found[0], found[-1])
        assert min(count, MOST_ON_FRONTIER) / 2 < len(front) <= MOST_ON_FRONTIER
        assert pareto(front) == front
        gaps = [after.runtime_ms - before.runtime_ms for before, after in itertools.pairwise(front)]
        width = found[-1].runtime_ms - found[0].runtime_ms
        assert count <= MOST_ON_FRONTIER or max(gaps) < 3 * width / MOST_ON_FRONTIER
