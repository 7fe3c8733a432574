"""Has a command's own parser read its words, without running it."""

import argparse
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any
from unittest.mock import patch

from typer.main import get_command

from service.cli import app


class _ReadError(Exception):
    """Ends a command when its words have been read."""


def spnas_command(words: Sequence[str]) -> tuple[Any, list[str]]:
    """The command that words after ``spnas`` begin with, and what is left of them."""
    command: Any = get_command(app)
    rest = list(words)
    while hasattr(command, "commands") and rest and re.match(r"[a-z]", rest[0]):
        command = command.commands[rest.pop(0)]
    return command, rest


def read_spnas(words: Sequence[str]) -> None:
    """Fails unless ``spnas`` takes the words."""
    command, rest = spnas_command(words)
    command.make_context("spnas", rest)


def read_options(words: Sequence[str]) -> None:
    """Fails unless the command is there and has all options; arguments may be missing or made up."""
    command, rest = spnas_command(words)
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    unknown = [word for word in rest if word.startswith("--") and word not in {*known, "--help", "--verbose"}]
    assert not unknown, unknown


def read_module(module: str, words: Sequence[str]) -> None:
    """Fails unless ``python -m module`` takes the words; the module reads them with argparse."""
    parse = argparse.ArgumentParser.parse_args

    def parse_and_stop(self: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> Any:
        parse(self, args, namespace)
        raise _ReadError

    with (
        patch.object(argparse.ArgumentParser, "parse_args", parse_and_stop),
        patch.object(sys, "argv", [module, *words]),
    ):
        try:
            found = import_module(module)
            program = import_module(f"{module}.__main__") if hasattr(found, "__path__") else found
            program.main()
        except _ReadError:
            return
    raise AssertionError(f"{module} did not read its words")
