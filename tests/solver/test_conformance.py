"""What every solver in the registry must do, whatever its method."""

import pickle
import random
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from solver.base import Observation, Pending, Problem, Solver, Suggestion
from solver.registry import SOLVERS, SolverConfig
from tests.solver.replay import Question, answer
from tests.solver.studies import PROBLEM, ended, parallel_asks, queued, reseeded, run_study, searched, spread

REPOSITORY = Path(__file__).parents[2]
AMPLE = 400


def every_solver() -> list[Solver]:
    return [solver.model_validate({}) for solver in SOLVERS]


@pytest.fixture(params=every_solver(), ids=lambda solver: solver.kind)
def solver(request: pytest.FixtureRequest) -> Solver:
    assert isinstance(request.param, Solver)
    return request.param


def assert_valid(suggestion: Suggestion | None, problem: Problem, remaining_epochs: int) -> None:
    if suggestion is None:
        return
    assert isinstance(suggestion.epochs, int)
    assert isinstance(suggestion.lambda_, float)
    assert problem.lambda_low <= suggestion.lambda_ <= problem.lambda_high
    assert problem.epochs_min <= suggestion.epochs <= min(problem.epochs_max, remaining_epochs)


def place(trial: Observation | Pending | Suggestion) -> tuple[float, int, float | None]:
    return trial.lambda_, trial.epochs, trial.hinge_target_ms


def questions(solver: Solver) -> list[Question]:
    """Situations from the first trial to a long history, with and without pending trials."""
    pending = (Pending(20, 0.7, 8), Pending(21, 2.5, 4))
    own = run_study(solver, PROBLEM, 120, workers=2)
    return [
        (solver, PROBLEM, [], [], AMPLE),
        (solver, PROBLEM, spread(3), [], AMPLE),
        (solver, PROBLEM, spread(20), pending, AMPLE),
        (solver, PROBLEM, own, [], AMPLE),
    ]


class TestOptions:
    def test_survive_json_by_kind(self, solver: Solver) -> None:
        adapter: TypeAdapter[Solver] = TypeAdapter(SolverConfig)
        assert adapter.validate_json(solver.model_dump_json()) == solver
        assert adapter.validate_python({"kind": solver.kind}) == solver

    def test_are_described_in_one_line_and_by_a_schema(self, solver: Solver) -> None:
        assert 20 < len(solver.description) < 110
        assert "\n" not in solver.description
        schema = solver.model_json_schema()
        assert schema["properties"]["kind"]["const"] == solver.kind
        for name, option in schema["properties"].items():
            assert name == "kind" or option["description"]

    def test_that_are_unknown_are_refused(self, solver: Solver) -> None:
        with pytest.raises(ValidationError, match="Extra inputs"):
            type(solver).model_validate({"kind": solver.kind, "no_such_option": 1})

    def test_fit_a_plain_problem(self, solver: Solver) -> None:
        solver.check(PROBLEM)


class TestReplay:
    def test_same_question_same_answer_in_another_process(self) -> None:
        asked = [question for solver in every_solver() for question in questions(solver)]
        here = [answer(question) for question in asked]
        done = subprocess.run(
            [sys.executable, "-m", "tests.solver.replay"],
            input=pickle.dumps(asked),
            capture_output=True,
            cwd=REPOSITORY,
            check=True,
            timeout=120,
        )
        assert pickle.loads(done.stdout) == here

    def test_order_of_completion_does_not_matter(self, solver: Solver) -> None:
        for _, problem, history, pending, remaining in questions(solver):
            plain = solver.suggest(problem, history, pending, remaining)
            assert solver.suggest(problem, history[::-1], pending[::-1], remaining) == plain

    def test_two_studies_at_once_do_not_influence_each_other(self, solver: Solver) -> None:
        asked = [(solver, reseeded(PROBLEM, seed), spread(12), (), AMPLE) for seed in range(4)]
        alone = [answer(question) for question in asked]
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(answer, asked)) == alone

    def test_seed_of_the_study_matters(self, solver: Solver) -> None:
        if solver.kind == "grid":
            pytest.skip("a grid has no random part")
        firsts = [solver.suggest(reseeded(PROBLEM, seed), [], [], AMPLE) for seed in range(5)]
        assert None not in firsts
        assert len(set(firsts)) == 5

    def test_global_state_is_left_alone(self, solver: Solver) -> None:
        before = (random.getstate(), pickle.dumps(np.random.get_state()), list(warnings.filters), np.geterr())
        for question in questions(solver):
            answer(question)
        after = (random.getstate(), pickle.dumps(np.random.get_state()), list(warnings.filters), np.geterr())
        assert after == before
        assert not hasattr(np, "asscalar")


class TestSuggestions:
    @pytest.mark.parametrize("workers", [1, 3])
    @pytest.mark.parametrize("budget", [8, 61])
    def test_study_keeps_to_ranges_and_budget(self, solver: Solver, workers: int, budget: int) -> None:
        history = run_study(solver, PROBLEM, budget, workers)
        spent = sum(trial.epochs for trial in history)
        assert 0 < spent <= budget
        assert [trial.number for trial in sorted(history, key=lambda trial: trial.number)] == list(
            range(len(history))
        )
        for trial in history:
            assert_valid(Suggestion(trial.lambda_, trial.epochs), PROBLEM, budget)
        assert any(trial.epochs == PROBLEM.epochs_max for trial in history)
        if solver.kind != "grid":
            assert budget - spent < PROBLEM.epochs_max

    def test_parallel_asks_are_distinct_from_the_start(self, solver: Solver) -> None:
        pending = parallel_asks(solver, PROBLEM, [], 8, AMPLE)
        assert len(pending) == 8
        assert len({place(trial) for trial in pending}) == 8

    @pytest.mark.parametrize("count", [4, 25])
    def test_parallel_asks_are_distinct_later(self, solver: Solver, count: int) -> None:
        history = spread(count)
        pending = parallel_asks(solver, PROBLEM, history, 4, AMPLE)
        assert pending
        assert len({place(trial) for trial in pending}) == len(pending)
        assert not {place(trial) for trial in pending} & {place(trial) for trial in history}

    @pytest.mark.parametrize("count", [1, 2, 3, 10, 50, 200])
    def test_histories_of_any_length(self, solver: Solver, count: int) -> None:
        assert_valid(solver.suggest(PROBLEM, spread(count), [], AMPLE), PROBLEM, AMPLE)

    @pytest.mark.parametrize(
        ("accuracy", "runtime_ms"),
        [(0.8, 60.0), (0.8, 120.0), (0.0, 60.0), (1.0, 80.0)],
        ids=["all within the target", "all above it", "no accuracy", "exactly on it"],
    )
    def test_constant_outcomes(self, solver: Solver, accuracy: float, runtime_ms: float) -> None:
        history = spread(12, outcome=lambda _: (accuracy, runtime_ms))
        for trial in parallel_asks(solver, PROBLEM, history, 3, AMPLE):
            assert_valid(Suggestion(trial.lambda_, trial.epochs), PROBLEM, AMPLE)

    def test_duplicate_and_contradicting_observations(self, solver: Solver) -> None:
        outcomes = [(0.9, 130.0), (0.6, 30.0)]
        history = [ended(Pending(i, 1.0, 8), lambda trial: outcomes[trial.number % 2]) for i in range(9)]
        suggestion = solver.suggest(PROBLEM, history, [], AMPLE)
        assert_valid(suggestion, PROBLEM, AMPLE)
        if suggestion is not None:
            assert place(suggestion) not in {place(trial) for trial in history}

    def test_one_epoch_only(self, solver: Solver) -> None:
        problem = replace(PROBLEM, epochs_min=1, epochs_max=1)
        history = run_study(solver, problem, 10)
        assert len(history) == (9 if solver.kind == "grid" else 10)
        assert {trial.epochs for trial in history} == {1}

    @pytest.mark.parametrize(("low", "high"), [(1e-6, 1e6), (1.0, 1.0001)])
    def test_wide_and_narrow_ranges(self, solver: Solver, low: float, high: float) -> None:
        problem = replace(PROBLEM, lambda_low=low, lambda_high=high, epochs_min=8)
        history = run_study(solver, problem, 80, workers=2)
        assert len(history) >= 9
        assert len({place(trial) for trial in history}) == len(history)
        assert all(low <= trial.lambda_ <= high for trial in history)

    def test_several_targets(self, solver: Solver) -> None:
        problem = replace(PROBLEM, targets_ms=(50.0, 80.0, 110.0))
        history = run_study(solver, problem, 80)
        assert history
        for target_ms in problem.targets_ms:
            advice = solver.recommend(problem, history, target_ms)
            assert advice is not None
            assert advice.target_ms == target_ms


class TestFailures:
    def test_study_of_failures_ends(self, solver: Solver) -> None:
        history = run_study(solver, PROBLEM, 80, workers=2, outcome=lambda _: None)
        assert len(history) >= 9
        assert len({place(trial) for trial in history}) == len(history)
        assert solver.recommend(PROBLEM, history) is None

    def test_failed_points_are_not_tried_again(self, solver: Solver) -> None:
        def outcome(trial: Pending) -> tuple[float, float] | None:
            return None if trial.number % 3 == 1 else searched(trial)

        history = run_study(solver, PROBLEM, 120, workers=2, outcome=outcome)
        failed = [place(trial) for trial in history if trial.accuracy is None]
        assert failed
        assert len({place(trial) for trial in history}) == len(history)

    def test_hinged_trials_are_no_data(self, solver: Solver) -> None:
        if solver.kind == "targeted":
            pytest.skip("its trials are hinged")
        plain = spread(12)
        hinged = [replace(trial, number=trial.number + 12, hinge_target_ms=80.0) for trial in plain]
        suggestion = solver.suggest(PROBLEM, [*plain, *hinged], [], AMPLE)
        assert_valid(suggestion, PROBLEM, AMPLE)
        misleading = [replace(trial, runtime_ms=40.0, accuracy=0.1) for trial in hinged]
        assert solver.suggest(PROBLEM, [*plain, *misleading], [], AMPLE) == suggestion


class TestRecommendation:
    def test_none_without_outcomes(self, solver: Solver) -> None:
        assert solver.recommend(PROBLEM, []) is None

    def test_is_deterministic_and_in_range(self, solver: Solver) -> None:
        history = run_study(solver, PROBLEM, 120)
        advice = solver.recommend(PROBLEM, history)
        assert advice is not None
        assert advice == solver.recommend(PROBLEM, history[::-1], 80.0)
        assert PROBLEM.lambda_low <= advice.lambda_ <= PROBLEM.lambda_high
        best = max(history, key=lambda trial: (trial.epochs == 8, trial.reward(80.0)))
        assert advice.number == best.number

    def test_forecast_covers_the_range_of_lambda_or_is_none(self, solver: Solver) -> None:
        assert solver.forecast(PROBLEM, []) is None
        history = spread(12)
        forecast = solver.forecast(PROBLEM, history)
        assert forecast == solver.forecast(PROBLEM, history[::-1])
        if forecast is None:
            return
        assert list(forecast.lambdas) == sorted(forecast.lambdas)
        assert forecast.lambdas[0] == pytest.approx(PROBLEM.lambda_low)
        assert forecast.lambdas[-1] == pytest.approx(PROBLEM.lambda_high)
        for intervals in (forecast.accuracies, forecast.runtimes_ms):
            assert len(intervals) == len(forecast.lambdas)
            assert all(each.low <= each.mean <= each.high for each in intervals)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Problem, list[Observation], list[Pending], int]:
    """Any problem with any past."""
    low = draw(st.floats(1e-3, 10))
    lowest = draw(st.integers(1, 8))
    problem = Problem(
        targets_ms=(draw(st.floats(1, 200)),),
        lambda_low=low,
        lambda_high=low * draw(st.floats(1.01, 1e4)),
        epochs_min=lowest,
        epochs_max=lowest + draw(st.integers(0, 8)),
        seed=draw(st.integers(0, 2**31 - 1)),
    )
    suggestion = st.builds(
        Suggestion,
        st.floats(problem.lambda_low, problem.lambda_high),
        st.integers(problem.epochs_min, problem.epochs_max),
    )
    outcome = st.none() | st.tuples(st.floats(0, 1), st.floats(1, 300))
    past = draw(st.lists(st.tuples(suggestion, outcome), max_size=12))
    history = [
        ended(queued(number, place), lambda _, seen=seen: seen)  # type: ignore[misc]  # default binds it
        for number, (place, seen) in enumerate(past)
    ]
    pending = [
        queued(len(history) + number, place)
        for number, place in enumerate(draw(st.lists(suggestion, max_size=4)))
    ]
    return problem, history, pending, draw(st.integers(0, 40))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(situation=situations())
def test_any_situation(
    solver: Solver, situation: tuple[Problem, list[Observation], list[Pending], int]
) -> None:
    problem, history, pending, remaining = situation
    suggestion = solver.suggest(problem, history, pending, remaining)
    assert_valid(suggestion, problem, remaining)
    assert solver.suggest(problem, history, pending, remaining) == suggestion
    solver.recommend(problem, history)
