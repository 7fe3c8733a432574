"""Completes a StudySpec, and checks what only this deployment can know: its platforms and data sets."""

from collections.abc import Sequence
from pathlib import Path

from nas_worker.data import dataset_names
from nas_worker.errors import DatasetError
from nas_worker.platform import Platform, platform_names
from nas_worker.sources.confinement import Confinement
from nas_worker.sources.hub_name import check_hub_name
from nas_worker.sources.name import Scheme, SourceName
from service.db.store import Store
from service.domain.errors import InvalidFieldError, NotFoundError
from service.domain.spec import MAX_NAME_LENGTH, StudySpec
from service.domain.targets import targets_text
from service.settings import Settings


def completed(spec: StudySpec) -> StudySpec:
    """The spec with a name."""
    if spec.name.strip():
        return spec
    name = f"{spec.platform} at {targets_text(spec.targets_ms)} ms"
    return spec.model_copy(update={"name": name[:MAX_NAME_LENGTH]})


def check(spec: StudySpec, store: Store, settings: Settings) -> tuple[str, ...]:
    """Checks the names in a spec against what there is.

    Returns:
        Warnings: what the user should know although the study can run.

    Raises:
        InvalidFieldError: There is no such platform or data set, and the message lists those that exist; or
            the data set lies where this deployment does not read.
    """
    try:
        _check_dataset(spec.search.dataset, settings)
    except DatasetError as error:
        raise InvalidFieldError("search.dataset", str(error)) from error
    platform = _platform_of(spec, store)
    return tuple(warning for target in spec.targets_ms for warning in _reach_warnings(target, platform))


def _check_dataset(name: str, settings: Settings) -> None:
    source = SourceName.parse(name)
    if source is None:
        if name not in dataset_names():
            raise DatasetError(_unknown(name, dataset_names()))
    elif source.scheme is Scheme.HUB:
        if not settings.allow_hub:
            raise DatasetError(
                "this service downloads no data sets from the hub; SPNAS_ALLOW_HUB=true lets it"
            )
        check_hub_name(source)
    elif not settings.dataset_roots:
        raise DatasetError(
            "this service reads no data sets from files; SPNAS_DATASET_ROOTS names the folders for "
            f"{source.scheme}:"
        )
    elif not Path(source.location).is_absolute():
        raise DatasetError(f"expected an absolute path; got {source.location}")
    else:
        # Whether there is a data set is for the worker to find out, which may see other files than we do.
        Confinement(settings.dataset_roots).check(Path(source.location))


def _platform_of(spec: StudySpec, store: Store) -> Platform:
    try:
        return store.platforms.get(spec.platform)
    except NotFoundError as error:
        known = [*platform_names(), *(platform.name for platform in store.platforms.list())]
        raise InvalidFieldError("platform", _unknown(spec.platform, sorted(known))) from error


def _unknown(name: str, known: Sequence[str]) -> str:
    return f"there is no {name!r}; known: {', '.join(known)}"


def _reach_warnings(target_ms: float, platform: Platform) -> tuple[str, ...]:
    reach = f"architectures reach {platform.min_ms:.2f} to {platform.max_ms:.2f} ms on {platform.name}"
    if target_ms < platform.min_ms:
        return (f"no architecture is as fast as {target_ms:g} ms: {reach}",)
    if target_ms > platform.max_ms:
        return (f"every architecture is faster than {target_ms:g} ms: {reach}",)
    return ()
