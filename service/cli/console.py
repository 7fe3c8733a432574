"""Where output goes: data to stdout, everything said to a person to stderr."""

import os
import sys
from typing import TextIO

import typer
from pydantic import BaseModel
from rich.console import Console, RenderableType
from rich.text import Text

PIPE_WIDTH = 200
"""Columns of a table that is not read on a terminal, wide enough that nothing is cut off."""


def _console(file: TextIO) -> Console:
    # Markup is off because names, notes and errors come from users and may hold brackets.
    width = None if file.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(file=file, width=width, markup=False, highlight=False, emoji=False)


def stdout() -> Console:
    """A console on what stdout is now."""
    return _console(sys.stdout)


def stderr() -> Console:
    """A console on what stderr is now."""
    return _console(sys.stderr)


def show(*renderables: RenderableType) -> None:
    """Writes data for people to stdout."""
    console = stdout()
    for renderable in renderables:
        console.print(renderable)


def show_json(*models: BaseModel) -> None:
    """Writes models of the API to stdout, each as one JSON document under its field's JSON names."""
    for model in models:
        typer.echo(model.model_dump_json(by_alias=True, indent=2))


def say(message: str, style: str = "") -> None:
    """Writes a line of progress or advice to stderr, never broken in mid-line when piped."""
    stderr().print(Text(message, style=style), soft_wrap=True)


def complain(message: str) -> None:
    """Writes an error to stderr, in one line."""
    stderr().print(Text("error: ", style="bold red") + Text(message, style=""), soft_wrap=True)
