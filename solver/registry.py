"""Every solver that a study can name. A new solver is one file and one line here."""

from typing import Annotated

from pydantic import Field

from solver.base import Solver
from solver.bayesian import Bayesian
from solver.random_search import Random

SolverConfig = Annotated[
    Bayesian | Random,
    Field(discriminator="kind"),
]
"""A solver and its options, chosen by ``kind``."""

SOLVERS: tuple[type[Solver], ...] = (Bayesian, Random)
"""The classes of :data:`SolverConfig`, each with ``kind``, ``description`` and an options' JSON schema."""

__all__ = ["SOLVERS", "Bayesian", "SolverConfig"]
