from dataclasses import replace

import pytest
from pydantic import ValidationError

from solver.grid_search import Grid
from tests.solver.studies import PROBLEM, ended, queued, run_study


def test_walks_every_cell_in_order_and_ends() -> None:
    grid = Grid(lambdas=(0.5, 2.0), epochs=(8, 2), repeats=2)
    history = run_study(grid, PROBLEM, 400)
    assert [(trial.lambda_, trial.epochs) for trial in history] == [
        (0.5, 8),
        (2.0, 8),
        (0.5, 2),
        (2.0, 2),
    ] * 2


def test_counted_lambdas_are_evenly_spaced_from_end_to_end() -> None:
    history = run_study(Grid(lambdas=5), PROBLEM, 400)
    assert [trial.lambda_ for trial in history] == pytest.approx([0.1, 10**-0.5, 1.0, 10**0.5, 10.0])
    assert history[0].lambda_ == PROBLEM.lambda_low
    assert history[-1].lambda_ == PROBLEM.lambda_high
    assert {trial.epochs for trial in history} == {8}


def test_one_lambda_is_the_middle() -> None:
    assert [trial.lambda_ for trial in run_study(Grid(lambdas=1), PROBLEM, 400)] == pytest.approx([1.0])


def test_takes_a_later_cell_that_fits_the_rest_of_the_budget() -> None:
    history = run_study(Grid(lambdas=(1.0,), epochs=(8, 6, 3)), PROBLEM, 12)
    assert [trial.epochs for trial in history] == [8, 3]


def test_covered_cells_are_left_out_whoever_searched_them() -> None:
    grid = Grid(lambdas=(0.5, 2.0), repeats=2)
    suggestion = grid.suggest(PROBLEM, [], [], 400)
    assert suggestion is not None
    before = [ended(queued(number, replace(suggestion, lambda_=2.0))) for number in range(2)]
    lambdas = [trial.lambda_ for trial in run_study(grid, PROBLEM, 400)]
    assert lambdas == [0.5, 2.0, 0.5, 2.0]
    rest = grid.suggest(PROBLEM, before, [queued(2, suggestion)], 400)
    assert rest is not None
    assert rest.lambda_ == 0.5
    assert grid.suggest(PROBLEM, before, [queued(2, suggestion), queued(3, suggestion)], 400) is None


@pytest.mark.parametrize(
    "options",
    [{"lambdas": 0}, {"lambdas": []}, {"lambdas": [0.0]}, {"lambdas": [float("inf")]}, {"epochs": []},
     {"epochs": [0]}, {"repeats": 0}],
)  # fmt: skip
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Grid.model_validate(options)


def test_options_outside_the_problem_are_refused() -> None:
    with pytest.raises(ValueError, match=r"lambda range, 0\.1 to 10\.0; got 20\.0"):
        Grid(lambdas=(1.0, 20.0)).check(PROBLEM)
    with pytest.raises(ValueError, match="epochs must lie in 2 to 8; got 9"):
        Grid(epochs=(2, 9)).check(PROBLEM)
