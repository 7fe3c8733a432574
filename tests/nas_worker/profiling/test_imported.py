from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_worker.errors import ProfileInputError
from nas_worker.platform import Platform, load_platform
from nas_worker.profiling.entries import MILLISECONDS_IN, Profile, Unit
from nas_worker.profiling.imported import imported_platform, warnings_of
from nas_worker.space import MBCONV_TYPES, SEARCHABLE, LayerType

PIXEL1 = load_platform("pixel1")


def profile_of(platform: Platform = PIXEL1, scale: float = 1.0) -> Profile:
    """What a phone would have given: the platform's runtimes, scaled."""
    runtimes_ms = {
        (layer, each): scale * platform.layer_ms(layer, each) for layer in SEARCHABLE for each in MBCONV_TYPES
    }
    return Profile(scale * platform.base_ms, runtimes_ms)


def with_runtimes(profile: Profile, changed: Mapping[tuple[int, str], float | None]) -> Profile:
    runtimes_ms = {(layer, str(each)): ms for (layer, each), ms in profile.runtimes_ms.items()} | dict(
        changed
    )
    by_text = {str(each): each for each in MBCONV_TYPES}
    return replace(
        profile,
        runtimes_ms={
            (layer, by_text[text]): ms for (layer, text), ms in runtimes_ms.items() if ms is not None
        },
    )


def take_in(profile: Profile, unit: Unit = "ms", se_platform: Platform | None = None) -> Platform:
    return imported_platform(profile, unit, name="phone", source="a test", se_platform=se_platform)


def test_a_profile_of_a_platform_is_that_platform() -> None:
    found = take_in(profile_of())
    assert (found.name, found.source, found.base_ms) == ("phone", "a test", PIXEL1.base_ms)
    for layer in SEARCHABLE:
        for each in MBCONV_TYPES:
            assert found.layer_ms(layer, each) == pytest.approx(PIXEL1.layer_ms(layer, each))
    assert Platform.from_json(found.to_json()) == found


@given(st.sampled_from(sorted(MILLISECONDS_IN)), st.sampled_from(sorted(MILLISECONDS_IN)))
def test_a_profile_in_another_unit_than_stated_is_caught(true: Unit, stated: Unit) -> None:
    profile = profile_of(scale=MILLISECONDS_IN[stated] / MILLISECONDS_IN[true])
    if true == stated:
        assert take_in(profile, stated).max_ms == pytest.approx(PIXEL1.max_ms)
        return
    with pytest.raises(
        ProfileInputError, match=rf"expected 0\.5 to 10000 ms\. .*--units {true} would make that"
    ):
        take_in(profile, stated)


def test_what_no_unit_makes_plausible_is_refused() -> None:
    with pytest.raises(ProfileInputError, match="No unit makes that plausible"):
        take_in(profile_of(scale=1e-9), "ms")


def test_missing_entries_are_listed() -> None:
    gone = {(layer, "5x5-3-0"): None for layer in (2, 3, 4, 7, 20)} | {
        (9, "3x3-6-0.25"): None, (9, "3x3-6-0.5"): None, (10, "3x3-6-0.5"): None,
    }  # fmt: skip
    profile = replace(with_runtimes(profile_of(), gone), base_ms=None)
    with pytest.raises(ProfileInputError) as error:
        take_in(profile)
    assert str(error.value) == (
        "entries are missing: base; 3x3-6-0.25 or 3x3-6-0.5 in layers 9; 5x5-3-0 in layers 2-4, 7, 20"
    )


def test_one_se_ratio_is_enough_and_several_are_averaged() -> None:
    plain_ms = PIXEL1.layers[6][0]
    changed = {(6, "3x3-3-0.25"): 1.2 * plain_ms, (6, "3x3-3-0.5"): 1.4 * plain_ms}
    assert take_in(with_runtimes(profile_of(), changed)).se_factors[6][0] == pytest.approx(1.3)
    changed_one = {(6, "3x3-3-0.25"): None, (6, "3x3-3-0.5"): 1.4 * plain_ms}
    assert take_in(with_runtimes(profile_of(), changed_one)).se_factors[6][0] == pytest.approx(1.4)


def test_se_factors_can_be_those_of_another_platform() -> None:
    bare = with_runtimes(
        profile_of(scale=2),
        {(layer, str(e)): None for layer in SEARCHABLE for e in MBCONV_TYPES if e.se_ratio},
    )
    with pytest.raises(ProfileInputError, match=r"3x3-3-0\.25 or 3x3-3-0\.5 in layers 1-20"):
        take_in(bare)
    found = take_in(bare, se_platform=PIXEL1)
    assert found.se_factors == PIXEL1.se_factors
    assert "pixel1" in found.se_source
    assert found.layers[3][1] == pytest.approx(2 * PIXEL1.layers[3][1])


@pytest.mark.parametrize("factor", [1000, 1 / 1000])
@pytest.mark.parametrize("text", ["3x3-3-0", "5x5-6-0.5"])
def test_a_single_entry_in_another_unit_is_caught(factor: float, text: str) -> None:
    wrong = factor * profile_of().runtimes_ms[7, {str(e): e for e in MBCONV_TYPES}[text]]
    with pytest.raises(ProfileInputError, match=rf"in another unit: layer 7 {text} takes .* ms, where"):
        take_in(with_runtimes(profile_of(), {(7, text): wrong}))


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        ("3x3-3-0", "5x5-3-0"),
        ("3x3-6-0.5", "5x5-6-0.5"),
        ("5x5-3-0.25", "5x5-6-0.25"),
        ("3x3-3-0", "3x3-3-0.25"),
    ],
)
def test_a_larger_type_that_is_faster_is_reported(smaller: str, larger: str) -> None:
    profile = with_runtimes(profile_of(), {(8, smaller): 3.0, (8, larger): 2.9})
    expected = f"layer 8: {larger} (2.9 ms) is faster than {smaller} (3 ms)"
    assert expected in warnings_of(profile)
    assert take_in(profile).name == "phone"


def test_a_profile_in_which_larger_is_slower_has_no_warnings() -> None:
    runtimes_ms = {
        (layer, each): each.kernel * each.expansion * (1 + each.se_ratio)
        for layer in SEARCHABLE
        for each in MBCONV_TYPES
    }
    assert warnings_of(Profile(1.0, runtimes_ms)) == ()
    assert warnings_of(Profile(1.0, {(1, LayerType(5, 3, 0)): 1.0})) == ()
