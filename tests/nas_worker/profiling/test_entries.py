import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_worker.errors import ProfileInputError
from nas_worker.profiling.entries import MILLISECONDS_IN, Profile, Unit, read_profile
from nas_worker.space import MBCONV_TYPES, SEARCHABLE, LayerType, parse_layer_type

HEADER = "layer,type,runtime\n"

profiles = st.builds(
    Profile,
    st.floats(1e-3, 1e3),
    st.dictionaries(
        st.tuples(st.sampled_from(list(SEARCHABLE)), st.sampled_from(MBCONV_TYPES)), st.floats(1e-3, 1e3)
    ),
)


@given(profiles, st.sampled_from(sorted(MILLISECONDS_IN)), st.booleans())
def test_what_is_written_in_any_unit_and_form_is_read_in_milliseconds(
    profile: Profile, unit: Unit, as_csv: bool
) -> None:
    scale = MILLISECONDS_IN[unit]
    assert profile.base_ms is not None
    rows: list[tuple[str | int, str, float]] = [("base", "", profile.base_ms / scale)]
    rows += [(layer, str(kind), ms / scale) for (layer, kind), ms in profile.runtimes_ms.items()]
    if as_csv:
        text = HEADER + "".join(f"{layer}, {kind}, {value!r}\n" for layer, kind, value in rows)
    else:
        text = json.dumps([dict(zip(("layer", "type", "runtime"), row, strict=True)) for row in rows])
    found = read_profile(text.encode(), "csv" if as_csv else "json", unit)
    assert found.base_ms == pytest.approx(profile.base_ms)
    assert found.runtimes_ms == pytest.approx(profile.runtimes_ms)


def test_a_spreadsheets_byte_order_mark_and_empty_lines_do_no_harm() -> None:
    text = "\ufeff" + HEADER + "\r\n1,3x3-3-0,4.5\r\n\r\n"
    assert read_profile(text.encode(), "csv", "ms").runtimes_ms == {(1, LayerType(3, 3, 0)): 4.5}


@pytest.mark.parametrize("runtime", ["-1", "0", "nan", "inf", "-inf", "", "fast", "1,5", "1e999", "0x1"])
def test_a_runtime_that_is_none_is_refused_with_its_line(runtime: str) -> None:
    text = f'{HEADER}1,3x3-3-0,1\n2,3x3-3-0,"{runtime}"\n'
    with pytest.raises(ProfileInputError, match="line 3: expected a runtime above 0; got "):
        read_profile(text.encode(), "csv", "ms")


@pytest.mark.parametrize("runtime", ["NaN", "-Infinity", "true", "null", "[1]", '"x"', "-0.0", "{}"])
def test_a_runtime_that_is_none_is_refused_with_its_entry(runtime: str) -> None:
    text = f'[{{"layer": 1, "type": "3x3-3-0", "runtime": {runtime}}}]'
    with pytest.raises(ProfileInputError, match="entry 1: expected a runtime above 0; got "):
        read_profile(text.encode(), "json", "ms")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected the columns layer,type,runtime; got $"),
        ("layer,type,runtime_ms\n", "got layer,type,runtime_ms"),
        (HEADER + "1,3x3-3-0\n", "line 2: expected 3 values; got 2"),
        (HEADER + "0,3x3-3-0,1\n", "line 2: expected layer 1 to 20, or base, which holds layers 0 and 21"),
        (HEADER + "21,3x3-3-0,1\n", "got '21'"),
        (HEADER + "1.0,3x3-3-0,1\n", "got '1.0'"),
        (HEADER + "1,7x7-3-0,1\n", "line 2: '7x7-3-0' is no layer type"),
        (HEADER + "2,skip,0.7\n", "line 2: a skipped layer costs nothing and has no entry"),
        (HEADER + "base,3x3-3-0,1\n", "line 2: the base has no type"),
        (HEADER + '1,"3x3-3-0,1\n', "not CSV"),
        (
            HEADER + "1,3x3-3-0,1\n" * 2 + "base,,1\n" * 3,
            "layer 1 3x3-3-0 is there 2 times; base is there 3 times",
        ),
        (HEADER + "x,3x3-3-0,1\n" * 12, "line 2: .*line 11: .*; and 2 more$"),
    ],
)
def test_bad_csv_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ProfileInputError, match=message):
        read_profile(text.encode(), "csv", "ms")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("{}", "expected an array such as"),
        ("[1]", "entry 1: expected an object with the fields layer, type, runtime"),
        ('[{"layer": 1}]', "entry 1: expected an object"),
        ('[{"layer": 1, "type": "3x3-3-0", "runtime": 1, "unit": "s"}]', "entry 1: expected an object"),
        ('[{"layer": true, "type": "3x3-3-0", "runtime": 1}]', "expected layer 1 to 20"),
        ('[{"layer": 1, "runtime": 1}]', "'' is no layer type"),
    ],
)
def test_bad_json_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ProfileInputError, match=message):
        read_profile(text.encode(), "json", "ms")


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ProfileInputError, match="not a UTF-8 text"):
        read_profile(b"\xff\xfe1", "csv", "ms")


def test_types_are_those_of_the_space() -> None:
    text = HEADER + "".join(f"1,{kind},1\n" for kind in MBCONV_TYPES)
    found = read_profile(text.encode(), "csv", "ms")
    assert set(found.runtimes_ms) == {(1, parse_layer_type(str(kind))) for kind in MBCONV_TYPES}
