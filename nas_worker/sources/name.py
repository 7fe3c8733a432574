"""Names of data sets that lie in files: ``imagefolder:PATH``, ``parquet:PATH?label=COLUMN``, ``hub:NAME``."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from urllib.parse import parse_qsl

from nas_worker.errors import DatasetError


class Scheme(StrEnum):
    """What stands before the colon."""

    IMAGE_FOLDER = "imagefolder"
    PARQUET = "parquet"
    HUB = "hub"


_OPTIONS = {Scheme.IMAGE_FOLDER: (), Scheme.PARQUET: ("label",), Scheme.HUB: ("label", "config")}


@dataclass(frozen=True)
class SourceName:
    """A name, taken apart.

    Attributes:
        scheme: What kind of source.
        location: A path, or a name on the hub.
        label: Column of the classes, where it cannot be told.
        config: One of the hub's configurations of this data set.
    """

    scheme: Scheme
    location: str
    label: str | None = None
    config: str | None = None

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Takes a name apart; None: it has no scheme, so it is one of a data set that comes with the program.

        Raises:
            DatasetError: Nothing follows the colon, or an option is not known.
        """
        prefix, colon, rest = name.partition(":")
        if not colon or prefix not in list(Scheme):
            return None
        scheme = Scheme(prefix)
        # The characters of a query are fine in a folder's name, and folders have no options.
        location, _, query = rest.partition("?") if _OPTIONS[scheme] else (rest, "", "")
        if not location or "\0" in location:
            what = "a name on the hub" if scheme is Scheme.HUB else "a path"
            raise DatasetError(f"data set {name!r}: expected {what} after {scheme}:")
        options = dict(parse_qsl(query, keep_blank_values=True))
        unknown = sorted(set(options) - set(_OPTIONS[scheme]))
        if unknown:
            raise DatasetError(
                f"data set {name!r}: unknown option {unknown[0]!r}; known: {', '.join(_OPTIONS[scheme])}"
            )
        return cls(scheme, location, options.get("label"), options.get("config"))
