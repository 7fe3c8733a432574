"""How values are written on pages."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

NONE = "—"


def lambda_text(value: float | None) -> str:
    """A trade-off, to three significant digits."""
    return NONE if value is None else f"{value:.3g}"


def ms_text(value: float | None) -> str:
    """A runtime in ms, without the unit."""
    return NONE if value is None else f"{value:.1f}"


def plain_text(value: float) -> str:
    """A number that a user has set, such as a target, as short as it goes."""
    return f"{value:.6g}"


def targets_text(values: Sequence[float]) -> str:
    """Targets in ms, without the unit."""
    return ", ".join(map(plain_text, values))


def percent_text(value: float | None) -> str:
    """A fraction such as an accuracy, in percent."""
    return NONE if value is None else f"{100 * value:.1f} %"


def reward_text(value: float | None) -> str:
    """A reward; not in percent, since beyond the target it is no share of anything."""
    return NONE if value is None else f"{value:.4f}"


def count_text(value: int) -> str:
    """A whole number with separators of thousands."""
    return f"{value:,}"


def duration_text(seconds: float | None) -> str:
    """A duration in its two largest units."""
    if seconds is None:
        return NONE
    whole = max(0, round(seconds))
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts: list[str] = []
    for unit, size in units:
        count, whole = divmod(whole, size)
        if count or parts or unit == "s":
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def moment_text(value: datetime | None) -> str:
    """A point in time, in UTC to the second."""
    return NONE if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def machine_time(value: datetime) -> str:
    """A point in time as the ``datetime`` attribute of HTML takes it."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "lambda": lambda_text,
        "ms": ms_text,
        "plain": plain_text,
        "targets": targets_text,
        "percent": percent_text,
        "reward": reward_text,
        "count": count_text,
        "duration": duration_text,
        "moment": moment_text,
        "machine_time": machine_time,
    }
)
"""Filters of the templates, by name."""
