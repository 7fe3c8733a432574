"""A number and a list of targets. What the API says of bad ones is tested with its other bad input."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from service.domain.spec import StudySpec
from service.domain.targets import MAX_MS, MIN_MS, MOST_TARGETS, each_target, in_short, targets_text

milliseconds = st.floats(MIN_MS, MAX_MS)
target_lists = st.lists(milliseconds, min_size=2, max_size=MOST_TARGETS, unique=True)


def spec_for(target_runtime_ms: Any) -> StudySpec:
    return StudySpec.model_validate({"target_runtime_ms": target_runtime_ms})


@given(milliseconds)
def test_one_target_is_a_number_however_it_came(target_ms: float) -> None:
    spec = spec_for(target_ms)
    assert spec == spec_for([target_ms]) == spec_for((target_ms,))
    assert (spec.target_runtime_ms, spec.targets_ms, spec.first_target_ms) == (
        target_ms, (target_ms,), target_ms,
    )  # fmt: skip
    assert spec.model_dump()["target_runtime_ms"] == target_ms
    assert json.loads(spec.model_dump_json())["target_runtime_ms"] == target_ms


@given(target_lists)
def test_several_keep_their_order_and_come_back_from_json(targets_ms: list[float]) -> None:
    spec = spec_for(targets_ms)
    assert spec.targets_ms == spec.problem.targets_ms == tuple(targets_ms)
    assert spec.first_target_ms == targets_ms[0]
    assert spec.model_dump(mode="json")["target_runtime_ms"] == targets_ms
    assert StudySpec.model_validate_json(spec.model_dump_json()) == spec


@given(target_lists)
def test_the_two_forms_are_each_others_inverse(targets_ms: list[float]) -> None:
    for part in (tuple(targets_ms), tuple(targets_ms[:1])):
        assert each_target(in_short(part)) == part


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 0, -80, MIN_MS / 2, MAX_MS * 2, True, "80"])
def test_no_form_takes_what_is_not_a_target(bad: Any) -> None:
    for value in (bad, [bad], [80, bad]):
        with pytest.raises(ValidationError):
            spec_for(value)


@given(st.lists(milliseconds, max_size=2 * MOST_TARGETS))
def test_only_a_few_distinct_ones_are_taken(targets_ms: list[float]) -> None:
    if 1 <= len(targets_ms) <= MOST_TARGETS and len({*targets_ms}) == len(targets_ms):
        assert spec_for(targets_ms).targets_ms == tuple(targets_ms)
    else:
        with pytest.raises(ValidationError, match=r"must hold 1 to 8 targets|targets must be distinct"):
            spec_for(targets_ms)


def test_targets_in_words() -> None:
    assert targets_text((80.0,)) == "80"
    assert targets_text((60.5, 80.0)) == "60.5, 80"
