"""The formulations of the search, one module each; a module's name is its value in the settings.

The module of a formulation has a ``FORMULATION``; the others hold what several of them share.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from nas_worker.convnet import ConvNet
from nas_worker.errors import SearchError
from nas_worker.formulations.base import Formulation, Search
from nas_worker.job import THRESHOLD_FORMULATIONS, FormulationName, SearchJob, SearchSettings
from nas_worker.sources.confinement import UNCONFINED, Confinement
from nas_worker.space import Architecture, MacroArchitecture


def formulation(name: FormulationName) -> Formulation:
    """A formulation by name."""
    found: Formulation = import_module(f"{__name__}.{name}").FORMULATION
    return found


def new_search(job: SearchJob, confinement: Confinement = UNCONFINED) -> Search:
    """The search of a job, at its beginning.

    Args:
        job: The search.
        confinement: Which files its data set may lie in.

    Raises:
        SearchError: The settings do not fit the data set, or the job its formulation.
        DatasetError: The data set cannot be read.
        UnknownNameError: There is no such data set.
    """
    name = job.settings.formulation
    if job.hinge_target_ms is not None and name not in THRESHOLD_FORMULATIONS:
        raise SearchError(
            f"a search that lands at a target (hinge_target_ms) needs gates with thresholds: "
            f"formulation must be {' or '.join(THRESHOLD_FORMULATIONS)}, not {name}"
        )
    return formulation(name).search(job, confinement)


def inherited_convnet(
    state: Mapping[str, Any],
    settings: SearchSettings,
    macro: MacroArchitecture,
    architecture: Architecture | None,
) -> ConvNet:
    """The ConvNet of a checkpoint's state, with the weights of the search.

    Args:
        state: Of the search.
        settings: Those of the search.
        macro: That of the search.
        architecture: Another one than the search chose, or None.

    Raises:
        LookupError, RuntimeError, ValueError: The state is not one of this version, or it does not hold
            weights for this architecture.
    """
    return formulation(settings.formulation).inherited(state, settings, macro, architecture)
