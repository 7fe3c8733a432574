import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from typer.main import get_command

from service.cli import app
from tests.service.cli.conftest import run_cli

SCREEN_COLUMNS, SCREEN_LINES = 80, 40


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*path, name))


ALL = list(commands(get_command(app)))
LEAVES = [(path, command) for path, command in ALL if not hasattr(command, "commands")]


def help_of(path: tuple[str, ...]) -> str:
    result = run_cli([*path, "--help"], env={"COLUMNS": str(SCREEN_COLUMNS)})
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("path", [path for path, _ in ALL], ids=" ".join)
def test_help_fits_a_screen(path: tuple[str, ...]) -> None:
    lines = help_of(path).splitlines()
    assert len(lines) <= SCREEN_LINES
    assert max(map(len, lines)) <= SCREEN_COLUMNS


def parsed(words: Sequence[str]) -> None:
    """Fails unless the parser takes a line: no option of it is unknown, no argument missing."""
    program, *rest = words
    assert program == "spnas"
    command: Any = get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    command.make_context(command.name, rest)


@pytest.mark.parametrize("path", [path for path, _ in ALL], ids=" ".join)
def test_every_command_and_group_has_an_example_that_it_accepts(path: tuple[str, ...]) -> None:
    help_text = " ".join(help_of(path).split())
    example = help_text.partition("Example: ")[2].partition(" Options:")[0].partition(" Arguments:")[0]
    words = shlex.split(example)
    assert words[: len(path) + 1] == ["spnas", *path]
    parsed(words)


def test_a_group_without_a_command_shows_its_help_as_a_usage_error() -> None:
    result = run_cli(["study"], env={})
    assert result.exit_code == 2
    assert "create" in result.output


def test_the_version_is_shown() -> None:
    result = run_cli(["--version"], env={})
    assert result.exit_code == 0
    assert result.stdout.startswith("spnas 0.")
