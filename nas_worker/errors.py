"""Errors that the search raises on purpose. Their messages are fit for a user's eyes."""

from collections.abc import Iterable


class UnknownNameError(LookupError):
    """A platform or data set that is not there.

    Args:
        kind: What was looked for, e.g. ``platform``.
        name: The name that was given.
        known: The names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        super().__init__(f"unknown {kind} {name!r}; known: {', '.join(sorted(known))}")


class SearchError(Exception):
    """Base of what ends a search; trying it again in the same way would fail again."""


class DivergedError(SearchError):
    """The loss is no longer finite."""


class DatasetError(SearchError):
    """A data set cannot be had or read. The message says which, where, and what was expected."""


class CheckpointError(SearchError):
    """A checkpoint cannot be read, or belongs to another search. The message names the file."""


class OtherRunError(CheckpointError):
    """A checkpoint is sound, and that of another search or training. The message says what differs."""


class StorageError(SearchError):
    """A checkpoint cannot be written. The message names the file and the reason."""


class ProfileError(Exception):
    """A latency profile cannot be made. The message says why."""


class ProfileInputError(ProfileError):
    """What a profile is to be made from, or with, is not acceptable. The message says what was expected."""


class ArchitectureFormatError(ValueError):
    """A text is no architecture in the form that it should have. The message says what was expected."""


class ExportError(Exception):
    """A network cannot be exported, or its file does not compute what the network does."""
