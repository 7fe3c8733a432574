"""The examples of docs/cli.md that are not commands, and its table of exit codes."""

import re
import tomllib
from pathlib import Path

from service.cli.exit_codes import ExitCode
from service.cli.spec import fields_of_file, spec_of
from service.settings import Settings
from tests.docs.lines import ROOT, blocks
from tests.service.cli.test_help import LEAVES

PAGE = ROOT / "docs" / "cli.md"


def test_the_toml_examples_are_a_study_and_settings(tmp_path: Path) -> None:
    study, settings = blocks(PAGE, "toml")
    file = tmp_path / "study.toml"
    file.write_text(study, encoding="utf-8")
    assert spec_of(fields_of_file(file)).budget_epochs == 96
    assert Settings(**tomllib.loads(settings)).port == 9000


def test_every_exit_code_is_in_the_table() -> None:
    codes = re.findall(r"^\| (\d+) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert codes == [str(code.value) for code in ExitCode]


def test_every_command_is_in_the_table() -> None:
    listed: set[str] = set()
    for cell in re.findall(r"^\| (`spnas .*?) \|", PAGE.read_text("utf-8"), re.MULTILINE):
        first, *others = re.findall(r"`(.+?)`", cell)
        listed |= {first, *(f"{first.rpartition(' ')[0]} {other}" for other in others)}
    assert listed >= {f"spnas {' '.join(path)}" for path, _ in LEAVES}
