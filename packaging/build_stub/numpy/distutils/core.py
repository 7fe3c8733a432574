"""setuptools' own names where dragonfly-opt's setup.py looks for numpy's."""

from setuptools import Extension, setup

__all__ = ["Extension", "setup"]
