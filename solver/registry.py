"""Every solver that a study can name. A new solver is one file and one line here."""

from typing import Annotated, get_args

from pydantic import Field

from solver.base import Solver
from solver.bayesian import Bayesian
from solver.composite import Composite
from solver.grid_search import Grid
from solver.hyperband import Hyperband
from solver.multi_fidelity import MultiFidelity
from solver.random_search import Random
from solver.targeted import Targeted

AnySolver = (
    Bayesian
    | MultiFidelity
    | Random
    | Grid
    | Hyperband
    | Composite
    | Targeted
)  # fmt: skip

SolverConfig = Annotated[AnySolver, Field(discriminator="kind")]
"""A solver and its options, chosen by ``kind``."""

SOLVERS: tuple[type[Solver], ...] = get_args(AnySolver)
"""The classes of :data:`SolverConfig`, each with ``kind``, ``description`` and its options' JSON schema."""

__all__ = ["SOLVERS", "Bayesian", "SolverConfig"]
