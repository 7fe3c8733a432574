"""The composite solver: it models accuracy and runtime apart and pushes both through Eq. 19."""

from solver.composite.solver import Composite

__all__ = ["Composite"]
