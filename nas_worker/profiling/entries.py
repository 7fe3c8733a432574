"""Entries of a profile that was made elsewhere, from CSV or JSON."""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from nas_worker.errors import ProfileInputError
from nas_worker.space import SEARCHABLE, LayerType, parse_layer_type

Unit = Literal["us", "ms", "s"]
UNITS: tuple[Unit, ...] = get_args(Unit)
MILLISECONDS_IN: Mapping[Unit, float] = {"us": 1e-3, "ms": 1.0, "s": 1e3}

BASE = "base"
"""What stands for a layer in the entry of stem, layers 0 and 21, head and classifier."""

_FIELDS = ("layer", "type", "runtime")
_SHOWN_PROBLEMS = 10


@dataclass(frozen=True, slots=True)
class Profile:
    """Entries without a doubt about any single one of them; some may be missing.

    Attributes:
        base_ms: The constant part of R, or None.
        runtimes_ms: (layer, type) -> milliseconds.
    """

    base_ms: float | None
    runtimes_ms: Mapping[tuple[int, LayerType], float]


def read_profile(content: bytes, file_format: Literal["csv", "json"], unit: Unit) -> Profile:
    """Reads entries ``layer, type, runtime``.

    Args:
        content: Of the file, UTF-8.
        file_format: CSV with a header, or a JSON array of objects.
        unit: What the runtimes are in.

    Raises:
        ProfileInputError: Names every entry that is not acceptable: of no such layer or type, twice
            there, not a number, not finite, not above 0.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProfileInputError(f"not a UTF-8 text: {error.reason} at byte {error.start}") from error
    rows = list(_csv_rows(text) if file_format == "csv" else _json_rows(text))
    found: list[tuple[int, LayerType] | None] = []
    runtimes: list[float] = []
    problems = []
    for place, row in rows:
        try:
            found.append(_key(row))
            runtimes.append(_runtime(row["runtime"]) * MILLISECONDS_IN[unit])
        except ValueError as error:
            problems.append(f"{place}: {error}")
    if not problems:
        twice = [key for key, count in Counter(found).items() if count > 1]
        problems = [f"{_words(key)} is there {found.count(key)} times" for key in twice]
    if problems:
        raise ProfileInputError(listed(problems))
    entries = dict(zip(found, runtimes, strict=True))
    base_ms = entries.pop(None, None)
    return Profile(base_ms, {key: runtime for key, runtime in entries.items() if key is not None})


def listed(problems: Sequence[str]) -> str:
    """Problems in one line, the first of them in full."""
    more = len(problems) - _SHOWN_PROBLEMS
    return "; ".join(problems[:_SHOWN_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")


def _csv_rows(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = tuple(name.strip() for name in next(reader, ()))
        if header != _FIELDS:
            raise ProfileInputError(
                f"line 1: expected the columns {','.join(_FIELDS)}; got {','.join(header)}"
            )
        for row in reader:
            if not row:
                continue
            if len(row) != len(_FIELDS):
                raise ProfileInputError(f"line {reader.line_num}: expected 3 values; got {len(row)}")
            yield f"line {reader.line_num}", dict(zip(_FIELDS, map(str.strip, row), strict=True))
    except csv.Error as error:
        raise ProfileInputError(f"line {reader.line_num}: not CSV: {error}") from error


def _json_rows(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise ProfileInputError(f"not JSON: {error}") from error
    if not isinstance(rows, list):
        raise ProfileInputError('expected an array such as [{"layer": 1, "type": "3x3-3-0", "runtime": 4.5}]')
    for number, row in enumerate(rows, start=1):
        place = f"entry {number}"
        if not isinstance(row, dict) or not {"layer", "runtime"} <= row.keys() <= set(_FIELDS):
            raise ProfileInputError(f"{place}: expected an object with the fields {', '.join(_FIELDS)}")
        yield place, {"type": "", **row}


def _key(row: Mapping[str, Any]) -> tuple[int, LayerType] | None:
    """Layer and type, or None for the base."""
    layer, type_text = str(row["layer"]), str(row["type"])
    if layer == BASE:
        if type_text:
            raise ValueError(f"the base has no type; got {type_text!r}")
        return None
    if layer not in map(str, SEARCHABLE):
        raise ValueError(f"expected layer 1 to 20, or {BASE}, which holds layers 0 and 21; got {layer!r}")
    layer_type = parse_layer_type(type_text)
    if layer_type.is_skip:
        raise ValueError("a skipped layer costs nothing and has no entry")
    return int(layer), layer_type


def _runtime(value: Any) -> float:
    try:
        runtime = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        runtime = math.nan
    if not (math.isfinite(runtime) and runtime > 0):
        raise ValueError(f"expected a runtime above 0; got {value!r}")
    return runtime


def _words(key: tuple[int, LayerType] | None) -> str:
    return BASE if key is None else f"layer {key[0]} {key[1]}"
