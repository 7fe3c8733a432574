"""What the shell offers for a value when Tab is pressed."""

from collections.abc import Callable, Iterable

from nas_worker.data import dataset_names
from nas_worker.platform import platform_names
from service.cli.connection import client_of, listening_here
from service.cli.errors import CliError, InvalidFieldsError
from service.cli.settings import effective_settings
from service.client import ClientError
from solver.registry import SOLVERS

_NEWEST = 50


def _offering(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


solver_kinds = _offering(lambda: (str(solver.model_fields["kind"].default) for solver in SOLVERS))
shipped_platforms = _offering(platform_names)
shipped_datasets = _offering(dataset_names)


def study_ids(incomplete: str) -> list[tuple[str, str]]:
    """Ids of the newest studies with their names; none where no service listens, since none is started."""
    try:
        url = effective_settings().server or listening_here()
        if url is None:
            return []
        with client_of(url) as client:
            studies = [study for study, _ in zip(client.list_studies(), range(_NEWEST), strict=False)]
    except (ClientError, CliError, InvalidFieldsError):
        return []
    return [(study.id, study.spec.name) for study in studies if study.id.startswith(incomplete)]
