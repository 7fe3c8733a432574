"""Loads dragonfly-opt 0.1.7, which predates numpy 1.24, and leaves numpy, warnings and random state alone.

Dragonfly's modules see, under the name ``np``, a proxy that keeps the aliases numpy has removed and that
draws random numbers from a generator of the current suggestion instead of numpy's global one.
"""

import math
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

import numpy as np

__all__ = [
    "EuclideanDomain",
    "EuclideanFunctionCaller",
    "EuclideanGPBandit",
    "get_reporter",
    "random_numbers",
]

_random_state: ContextVar[np.random.RandomState] = ContextVar("dragonfly_random_state")


class _Proxy:
    """Stands for a module: its own attributes come first, the module's after."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class _LinalgProxy(_Proxy):
    """numpy.linalg with its own former submodule ``linalg``, whose exceptions Dragonfly names."""

    @property
    def linalg(self) -> ModuleType:
        return np.linalg


class _NumpyProxy(_Proxy):
    """numpy with the aliases that Dragonfly uses and numpy has removed, and with private random numbers."""

    bool = bool
    float = float
    int = int
    object = object
    math = math
    linalg = _LinalgProxy(np.linalg)

    @staticmethod
    def asscalar(array: Any) -> Any:
        return np.asarray(array).item()

    @property
    def random(self) -> np.random.RandomState:
        return _random_state.get()


@contextmanager
def random_numbers(seed: Sequence[int]) -> Iterator[None]:
    """Within it, in this thread, Dragonfly draws from a generator seeded with non-negative integers."""
    state = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed)))
    token = _random_state.set(state)
    try:
        yield
    finally:
        _random_state.reset(token)


with warnings.catch_warnings():
    # The optional Fortran DIRECT is never built, and old string escapes warn when bytecode is compiled.
    warnings.filterwarnings("ignore", message=r"[\s\S]*Could not import Fortran direct library")
    warnings.filterwarnings("ignore", category=SyntaxWarning)
    warnings.filterwarnings("ignore", message="invalid escape sequence", category=DeprecationWarning)
    from dragonfly.exd.domains import EuclideanDomain
    from dragonfly.exd.experiment_caller import EuclideanFunctionCaller
    from dragonfly.opt.gp_bandit import EuclideanGPBandit
    from dragonfly.utils.reporters import get_reporter

_proxy = _NumpyProxy(np)
for _name, _module in list(sys.modules.items()):
    if _name.startswith("dragonfly.") and getattr(_module, "np", None) is np:
        _module.np = _proxy  # type: ignore[attr-defined]  # a module's global, set on purpose
