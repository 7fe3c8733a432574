"""Opens a data set that lies in files."""

from importlib.util import find_spec
from pathlib import Path

from nas_worker.errors import DatasetError
from nas_worker.sources.confinement import Confinement
from nas_worker.sources.encoded import EncodedDataset
from nas_worker.sources.name import Scheme, SourceName

_PACKAGES = {
    Scheme.IMAGE_FOLDER: ("PIL",),
    Scheme.PARQUET: ("PIL", "datasets"),
    Scheme.HUB: ("PIL", "datasets"),
}


def open_source(name: str, source: SourceName, confinement: Confinement) -> EncodedDataset:
    """The data set of a name.

    Raises:
        DatasetError: It cannot be had; the message says why and where.
    """
    missing = [package for package in _PACKAGES[source.scheme] if find_spec(package) is None]
    if missing:
        raise DatasetError(
            f"data set {name} needs {' and '.join(missing)}: pip install 'spnas-tuner[datasets]'"
        )
    if source.scheme is Scheme.IMAGE_FOLDER:
        from nas_worker.sources.imagefolder import list_folder  # noqa: PLC0415 - of the extra

        return list_folder(Path(source.location), confinement).dataset(name)
    from nas_worker.sources import huggingface  # noqa: PLC0415 - of the extra

    if source.scheme is Scheme.PARQUET:
        return huggingface.list_parquet(source, confinement).dataset(name)
    return huggingface.list_hub(source, confinement).dataset(name)
