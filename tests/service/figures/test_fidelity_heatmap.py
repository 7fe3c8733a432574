import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.figures import fidelity_heatmap
from service.figures.fidelity_heatmap import MAX_COLUMNS, column_edges
from service.figures.trials import outcomes
from tests.service.figures.plausible import searches
from tests.service.figures.records import study_of


@given(st.lists(st.floats(0.01, 100), max_size=60))
def test_every_lambda_lies_in_a_column(lambdas: list[float]) -> None:
    edges = column_edges(lambdas, 0.1, 10)
    assert all(left < right for left, right in itertools.pairwise(edges))
    assert all(edges[0] * (1 - 1e-9) <= value <= edges[-1] * (1 + 1e-9) for value in lambdas)
    assert len(edges) <= MAX_COLUMNS + 1


def test_a_grid_has_a_column_for_each_lambda() -> None:
    edges = column_edges([0.1, 1.0, 10.0, 1.0], 0.1, 10)
    assert edges == pytest.approx([10**-1.5, 10**-0.5, 10**0.5, 10**1.5])


def test_a_cell_is_the_mean_of_its_trials() -> None:
    study, trials, _ = study_of(list(searches(400, low_fidelity=True)))
    trace = fidelity_heatmap.figure(study, trials).data[0]
    counts = [count for row in trace.customdata for count in row]
    total = sum(
        value * count
        for values, row in zip(trace.z, trace.customdata, strict=True)
        for value, count in zip(values, row, strict=True)
        if count
    )
    assert sum(counts) == 400
    assert total == pytest.approx(sum(outcome.reward for outcome in outcomes(trials)), rel=1e-3)
    values = itertools.chain(*trace.z)
    assert all((value is None) == (count == 0) for value, count in zip(values, counts, strict=True))


def test_targeted_searches_are_left_out() -> None:
    study, trials, _ = study_of(list(searches(5)))
    trace = fidelity_heatmap.figure(study, [replace(trial, hinge_target_ms=80.0) for trial in trials]).data[0]
    assert all(value is None for value in itertools.chain(*trace.z))
