import json
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from service.cli.parse import assignments, merged, pair, whole_pair

KEYS = st.text("abcdefgh_", min_size=1, max_size=5)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.lists(st.integers())
TREES = st.recursive(
    SCALARS, lambda inner: st.dictionaries(KEYS, inner, min_size=1, max_size=3), max_leaves=8
)


def leaves(tree: Any, path: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    if isinstance(tree, dict):
        return [leaf for key, value in tree.items() for leaf in leaves(value, (*path, key))]
    return [(".".join(path), tree)]


@given(st.dictionaries(KEYS, TREES, max_size=3))
def test_assignments_build_the_tree_that_they_name(tree: dict[str, Any]) -> None:
    items = [f"{path}={json.dumps(value)}" for path, value in leaves(tree)]
    assert assignments(items, "--set") == tree


def test_a_value_that_is_not_json_is_text() -> None:
    assert assignments(["a=ei", "b.c=x=y", "d="], "--set") == {"a": "ei", "b": {"c": "x=y"}, "d": ""}


@pytest.mark.parametrize("item", ["a", "=1", "a..b=1", ".a=1"])
def test_an_item_without_key_or_value_is_refused(item: str) -> None:
    with pytest.raises(typer.BadParameter, match="KEY=VALUE"):
        assignments([item], "--set")


def test_a_key_below_a_value_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="contradicts"):
        assignments(["a=1", "a.b=2"], "--set")


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_a_pair_is_read_back(low: float, high: float) -> None:
    assert pair(f"{low}:{high}", "--lambda-range", "0.1:10") == (low, high)


@pytest.mark.parametrize("text", ["", "1", "1:2:3", "a:b", "1-2"])
def test_a_malformed_pair_is_refused_with_the_right_form(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"such as 0\.1:10"):
        pair(text, "--lambda-range", "0.1:10")


@pytest.mark.parametrize(("text", "numbers"), [("2:8", (2, 8)), ("8", (8, 8))])
def test_one_whole_number_stands_for_both_ends(text: str, numbers: tuple[int, int]) -> None:
    assert whole_pair(text, "--epochs", "2:8") == numbers


@pytest.mark.parametrize("text", ["", "1.5", "2:8:9", "2:"])
def test_what_are_not_whole_numbers_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="whole numbers"):
        whole_pair(text, "--epochs", "2:8")


@given(st.dictionaries(KEYS, TREES, max_size=3), st.dictionaries(KEYS, TREES, max_size=3))
def test_merging_keeps_every_leaf_of_the_change(base: dict[str, Any], change: dict[str, Any]) -> None:
    result = merged(base, change)
    assert merged(result, change) == result
    assert {path for path, _ in leaves(change)} <= {path for path, _ in leaves(result)}
    assert merged({}, change) == change
    assert merged(base, {}) == base
