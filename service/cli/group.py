"""The root command: one place where exceptions become lines on stderr and exit codes."""

import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from service.cli.console import complain
from service.cli.errors import error_lines, exit_code
from service.cli.exit_codes import ExitCode

VERBOSE = "--verbose"


class SpnasGroup(TyperGroup):
    """Runs a command. ``--verbose`` may stand anywhere on the line and shows the trace of an error."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs the command line and exits with one of :class:`ExitCode`."""
        words = list(sys.argv[1:] if args is None else args)
        verbose = VERBOSE in words
        if verbose:
            words.remove(VERBOSE)
        try:
            code = super().main(words, prog_name, complete_var, False, windows_expand_args, **extra)
        except typer.Abort:
            code = ExitCode.INTERRUPTED
        except Exception as error:  # the boundary to the user: whatever it is, it becomes a line and a code
            code = _report(error, verbose)
        if not standalone_mode:
            return code
        sys.exit(code or ExitCode.OK)


def _report(error: Exception, verbose: bool) -> int:
    if isinstance(error, typer.TyperException):
        return _report_usage(error)
    if verbose:
        traceback.print_exception(error)
    for line in error_lines(error):
        complain(line)
    return exit_code(error)


def _report_usage(error: typer.TyperException) -> int:
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if message.startswith("Usage:"):  # a group was given no command, and this is its help
        typer.echo(message, err=True)
        return error.exit_code
    message = " ".join(message.split()).rstrip(".")
    if context is None:
        complain(message)
    else:
        complain(f"{message}; {_way_out(message, context)}")
    return error.exit_code


def _way_out(message: str, context: typer.Context) -> str:
    """The command elsewhere in the tree that a word may have been meant for, or where help is."""
    missing = re.match(r"No such command '(.+?)'", message)
    if missing:
        root = context.find_root()
        known = _commands(root.command, root.command_path)
        paths = [path for path in known if path.endswith(f" {missing[1]}")]
        if paths:
            return f"did you mean {' or '.join(paths)}?"
    return f"see {context.command_path} --help"


def _commands(command: Any, path: str) -> Iterator[str]:
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from _commands(child, f"{path} {name}")
