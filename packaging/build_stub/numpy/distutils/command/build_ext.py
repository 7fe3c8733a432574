"""setuptools' build_ext where dragonfly-opt's setup.py looks for numpy's."""

from setuptools.command.build_ext import build_ext

__all__ = ["build_ext"]
