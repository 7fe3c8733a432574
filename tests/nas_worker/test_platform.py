import json
import pickle
from random import Random
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from nas_worker.errors import UnknownNameError
from nas_worker.platform import Platform, load_platform, platform_names
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.space import SEARCHABLE, Architecture, LayerType, allowed_types
from tests.nas_worker.strategies import architectures

PIXEL1 = load_platform("pixel1")


def table() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(PIXEL1.to_json())
    return content


def test_shipped_platforms_load_under_their_names() -> None:
    assert "pixel1" in platform_names()
    for name in platform_names():
        assert load_platform(name).name == name


def test_unknown_platform_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown platform 'pixel9'; known: .*pixel1"):
        load_platform("pixel9")


def test_pixel1_says_where_its_numbers_come_from() -> None:
    assert "Pixel 1" in PIXEL1.source
    assert "Estimate" in PIXEL1.se_source
    assert "skipped layer costs 0" in PIXEL1.base_note
    assert set(PIXEL1.layers) == set(range(22))


def test_json_round_trip_and_pickle_keep_everything() -> None:
    assert Platform.from_json(PIXEL1.to_json()) == PIXEL1
    copy = pickle.loads(pickle.dumps(PIXEL1))
    assert (copy, copy.content_hash, copy.min_ms) == (PIXEL1, PIXEL1.content_hash, PIXEL1.min_ms)


def test_content_hash_depends_on_the_content_alone() -> None:
    reversed_keys = {key: table()[key] for key in reversed(table())}
    reversed_keys["layers"] = {key: table()["layers"][key] for key in reversed(table()["layers"])}
    assert Platform.from_json(json.dumps(reversed_keys)).content_hash == PIXEL1.content_hash
    changed = table()
    changed["layers"]["20"][0] += 0.0001
    assert Platform.from_json(json.dumps(changed)).content_hash != PIXEL1.content_hash


def measured(*convnets: dict[str, Any]) -> Platform:
    return Platform.from_json(json.dumps(table() | {"measured_convnets": list(convnets)}))


def test_measured_convnets_are_kept_but_are_no_part_of_the_hash() -> None:
    platform = measured({"architecture": ["3x3-3-0"] * 20, "measured_ms": 80.5})
    assert Platform.from_json(platform.to_json()) == platform != PIXEL1
    assert platform.content_hash == PIXEL1.content_hash
    assert "measured_convnets" not in PIXEL1.to_json()


@pytest.mark.parametrize(
    "convnet",
    [
        {"architecture": ["3x3-3-0"] * 19, "measured_ms": 80.5},
        {"architecture": ["7x7-3-0"] * 20, "measured_ms": 80.5},
        {"architecture": ["3x3-3-0"] * 20, "measured_ms": 0},
        {"architecture": ["3x3-3-0"] * 20},
    ],
)
def test_convnets_that_cannot_have_been_measured_are_refused(convnet: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="measured_convnets"):
        measured(convnet)


def test_a_platform_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(PIXEL1, "base_ms", 1.0)  # noqa: B010 - mypy knows that an assignment is refused


@given(architectures)
def test_every_runtime_is_in_the_reachable_range(architecture: Architecture) -> None:
    assert PIXEL1.min_ms - 1e-9 <= architecture_runtime_ms(PIXEL1, architecture) <= PIXEL1.max_ms + 1e-9


def test_both_ends_of_the_range_are_reached_even_where_skip_or_no_se_is_not_cheapest() -> None:
    content = table()
    random = Random(1)
    for rows in (content["layers"], content["se_factors"]):
        for layer in rows:
            rows[layer] = [random.uniform(0.5, 2) for _ in range(4)]
    platform = Platform.from_json(json.dumps(content))

    def extreme(sign: int) -> Architecture:
        def best(layer: int) -> LayerType:
            return min(allowed_types(layer), key=lambda t: sign * platform.layer_ms(layer, t))

        return Architecture(tuple(best(layer) for layer in SEARCHABLE))

    assert architecture_runtime_ms(platform, extreme(1)) == pytest.approx(platform.min_ms)
    assert architecture_runtime_ms(platform, extreme(-1)) == pytest.approx(platform.max_ms)


def without(content: dict[str, Any], *path: str) -> None:
    for key in path[:-1]:
        content = content[key]
    del content[path[-1]]


def with_value(content: dict[str, Any], value: object, *path: str) -> None:
    for key in path[:-1]:
        content = content[key]
    content[path[-1]] = value


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ("s", ("unit",), r"unit\s+Input should be 'ms'"),
        (-1, ("base_ms",), r"base_ms\s+Input should be greater than or equal to 0"),
        ([1, 2, 3], ("layers", "3"), r"layers.3.3\s+Field required"),
        ([1, 2, 3, 0], ("layers", "3"), r"layers.3.3\s+Input should be greater than 0"),
        ([1, 2, float("nan"), 1], ("layers", "3"), r"layers.3.2\s+Input should be a finite number"),
        ([1, 2, "x", 1], ("se_factors", "3"), r"se_factors.3.2\s+Input should be a valid number"),
        ([1, 2, 3, 4], ("layers", "22"), "layers has unknown layers 22"),
        ([1, 2, 3, 4], ("se_factors", "0"), "se_factors has unknown layers 0"),
        (["3x3-6", "3x3-3", "5x5-3", "5x5-6"], ("columns",), r"columns.0\s+Input should be '3x3-3'"),
        ("Pixel One", ("name",), r"name\s+String should match pattern"),
        ("", ("source",), r"source\s+String should have at least 1 character"),
        (1, ("colour",), r"colour\s+Extra inputs are not permitted"),
    ],
)
def test_wrong_values_are_refused_with_their_place(
    value: object, path: tuple[str, ...], message: str
) -> None:
    content = table()
    with_value(content, value, *path)
    with pytest.raises(ValueError, match=message):
        Platform.from_json(json.dumps(content))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (("layers", "7"), "layers lacks layers 7; layers 1 to 20 are required"),
        (("se_factors", "20"), "se_factors lacks layers 20"),
        (("base_ms",), r"base_ms\s+Field required"),
        (("source",), r"source\s+Field required"),
    ],
)
def test_missing_parts_are_named(path: tuple[str, ...], message: str) -> None:
    content = table()
    without(content, *path)
    with pytest.raises(ValueError, match=message):
        Platform.from_json(json.dumps(content))


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid JSON"):
        Platform.from_json("{")
