"""Values of the command line that are more than one number, read with an error that shows the right form."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import typer


def pair(text: str, option: str, example: str) -> tuple[float, float]:
    """Reads ``LOW:HIGH``.

    Raises:
        typer.BadParameter: It is not two numbers with a colon between them.
    """
    parts = text.split(":")
    try:
        low, high = (float(part) for part in parts)
    except ValueError:
        raise typer.BadParameter(
            f"expected two numbers such as {example}; got {text!r}", param_hint=option
        ) from None
    return low, high


def whole_pair(text: str, option: str, example: str) -> tuple[int, int]:
    """Reads ``MIN:MAX`` of whole numbers; one number alone stands for both.

    Raises:
        typer.BadParameter: It is neither.
    """
    parts = text.split(":")
    try:
        numbers = [int(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise typer.BadParameter(f"expected whole numbers such as {example}; got {text!r}", param_hint=option)
    return numbers[0], numbers[-1]


def assignments(items: Iterable[str], option: str) -> dict[str, Any]:
    """Reads ``key=value`` items into a nested mapping; a dot in a key goes one level down.

    A value is read as JSON where it is valid JSON, as text otherwise: ``x=3``, ``x=[1,2]``, ``x=ei``.

    Raises:
        typer.BadParameter: An item has no key or no equals sign, or one key is a prefix of another.
    """
    result: dict[str, Any] = {}
    for item in items:
        path, equals, text = item.partition("=")
        keys = path.strip().split(".")
        if not equals or not all(keys):
            raise typer.BadParameter(f"expected KEY=VALUE; got {item!r}", param_hint=option)
        place = result
        for key in keys[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise typer.BadParameter(f"{item!r} contradicts an earlier value", param_hint=option)
        place[keys[-1]] = _value(text)
    return result


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``change``, level by level; neither is modified."""
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result
