"""The one exception that dragonfly-opt's setup.py catches when it finds no Fortran compiler."""


class CompilerNotFound(Exception):
    """No Fortran compiler: the wheel is built without its optional extension."""
