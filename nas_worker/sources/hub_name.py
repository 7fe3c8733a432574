"""Which names are those of data sets on the Hugging Face hub, and not of files that `datasets` would read."""

import pkgutil
import re
from importlib.util import find_spec
from pathlib import Path

from nas_worker.errors import DatasetError
from nas_worker.sources.name import Scheme, SourceName

_WORD = r"\w(?:[\w.-]{0,94}\w)?"
_REPOSITORY = re.compile(rf"(?:{_WORD}/)?{_WORD}", re.ASCII)
_CONFIG = re.compile(r"\w[\w .,+()-]*", re.ASCII)


def check_hub_name(source: SourceName) -> None:
    """Checks that a name can only be meant for the hub.

    Raises:
        DatasetError: It is not of the form OWNER/NAME or NAME; it is that of a file or folder here, or of one
            of the readers of files that ``datasets`` has, which goes before the hub; or so is its
            configuration.
    """
    name, location = f"{Scheme.HUB}:{source.location}", source.location
    if not _REPOSITORY.fullmatch(location) or ".." in location:
        raise DatasetError(
            f"data set {name!r}: expected OWNER/NAME or NAME, of letters, digits, '-', '_' and '.'"
        )
    if source.config is not None and (not _CONFIG.fullmatch(source.config) or ".." in source.config):
        raise DatasetError(f"data set {name!r}: {source.config!r} is no name of a configuration")
    if location in _file_readers():
        raise DatasetError(f"data set {name!r}: {location} reads files, and is no data set on the hub")
    if Path(location).exists():
        raise DatasetError(
            f"data set {name!r}: {location} is a file or folder here; expected a name on the hub. "
            "For local copies there are imagefolder:PATH and parquet:PATH"
        )


def _file_readers() -> set[str]:
    """Names such as ``csv`` that ``datasets`` takes for a format; it is not imported, which takes seconds."""
    spec = find_spec("datasets")
    folders = [] if spec is None else spec.submodule_search_locations or []
    return {
        module.name for module in pkgutil.iter_modules([f"{folder}/packaged_modules" for folder in folders])
    }
