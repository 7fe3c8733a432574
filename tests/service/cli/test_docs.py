"""Every `spnas` line in the CLI's pages is one that the parser takes."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from service.cli import app
from service.cli.spec import fields_of_file, spec_of
from service.settings import Settings

DOCS = Path(__file__).parents[3] / "docs"
LINES = [
    (page.name, match[1])
    for page in (*sorted(DOCS.glob("*.md")), DOCS.parent / "README.md")
    for match in re.finditer(r"^ *(?:\.venv/bin/)?(spnas [^\n#]+)", page.read_text("utf-8"), re.MULTILINE)
]


def test_there_are_commands_to_check() -> None:
    assert {page for page, _ in LINES} >= {"cli.md", "first-study.md", "export.md", "your-own-device.md"}


@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_documented_command_is_accepted(page: str, line: str) -> None:
    command: Any = get_command(app)
    words = shlex.split(line)[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context("spnas", words)


def test_the_toml_examples_are_a_study_and_settings(tmp_path: Path) -> None:
    study, settings = re.findall(r"```toml\n(.*?)```", (DOCS / "cli.md").read_text("utf-8"), re.DOTALL)
    file = tmp_path / "study.toml"
    file.write_text(study, encoding="utf-8")
    assert spec_of(fields_of_file(file)).budget_epochs == 96
    assert Settings(**tomllib.loads(settings)).port == 9000
