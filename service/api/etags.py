"""Entity tags of studies: a study's revision in quotes."""

import re
from collections.abc import Sequence

_TAG = re.compile(r'\s*(?:(W/)?"([^"]*)"|(\*))\s*(?:,|$)')


def etag(revision: int) -> str:
    """The entity tag of a revision."""
    return f'"{revision}"'


def is_known(if_none_match: str | None, revision: int) -> bool:
    """Whether If-None-Match names this revision. Weak tags count: proxies that compress make them so."""
    tags = _tags(if_none_match)
    return any(tag in ("*", str(revision)) for tag, _ in tags)


def matches(if_match: str, revision: int) -> bool:
    """Whether If-Match names this revision, by strong comparison."""
    return any(tag in ("*", str(revision)) and not weak for tag, weak in _tags(if_match))


def _tags(header: str | None) -> Sequence[tuple[str, bool]]:
    """The tags of a header and whether each is weak; ``*`` stands for any."""
    return [("*" if match[3] else match[2], match[1] is not None) for match in _TAG.finditer(header or "")]
