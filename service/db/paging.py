"""Pages by key: a token says which row came last, so rows that are added meanwhile shift nothing."""

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from service.domain.errors import InvalidFieldError
from service.domain.records import Page

MAX_PAGE_SIZE = 1000

Key = tuple[int | float, ...]
"""Values of the columns that a list is ordered by."""

_LARGEST_INT = 2**63 - 1

T = TypeVar("T")


def check_page_size(page_size: int) -> None:
    """Raises InvalidFieldError unless 1 <= page_size <= 1000."""
    if not 1 <= page_size <= MAX_PAGE_SIZE:
        raise InvalidFieldError(
            "page_size", f"page_size must be between 1 and {MAX_PAGE_SIZE}; got {page_size}"
        )


def make_page(
    rows: Sequence[T], page_size: int, list_id: Sequence[object], key_of: Callable[[T], Key]
) -> Page[T]:
    """Makes a page of rows that were asked for with a limit of page_size + 1.

    Args:
        rows: In the order of the list.
        page_size: Most rows on a page.
        list_id: What is listed: name, filters and order. A token of another list is refused.
        key_of: The key of a row.
    """
    items = tuple(rows[:page_size])
    if len(rows) <= page_size:
        return Page(items, None)
    content = json.dumps([_digest(list_id), *key_of(items[-1])]).encode()
    return Page(items, base64.urlsafe_b64encode(content).decode().rstrip("="))


def read_token(token: str, list_id: Sequence[object], types: Sequence[type[int] | type[float]]) -> Key:
    """The key after which the page begins.

    Args:
        token: A ``next_page_token``.
        list_id: As in :func:`make_page`.
        types: Of the key's values.

    Raises:
        InvalidFieldError: ``page_token`` is no token of this list.
    """
    try:
        content = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        digest, *key = json.loads(content)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise _forged() from None
    if digest != _digest(list_id) or len(key) != len(types) or not all(map(_is_value, key, types)):
        raise _forged()
    return tuple(key)


def _is_value(value: object, expected: type[int] | type[float]) -> bool:
    if type(value) is not expected:
        return False
    return -_LARGEST_INT <= value <= _LARGEST_INT if isinstance(value, int) else math.isfinite(value)


def _digest(list_id: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(list_id, default=str).encode()).hexdigest()[:16]


def _forged() -> InvalidFieldError:
    return InvalidFieldError(
        "page_token",
        "page_token must be the next_page_token of this very list, with the same filters and order",
    )
