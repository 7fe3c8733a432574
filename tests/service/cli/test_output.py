import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from typer import Typer
from typer.testing import CliRunner

from service.cli.errors import CliError
from service.cli.group import SpnasGroup
from service.cli.render.table import PlainTable
from tests.service.cli.conftest import Run, run_cli
from tests.service.live import Live

ANSI = re.compile(r"\x1b\[")


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
@pytest.mark.parametrize(
    "line",
    [
        "study list",
        "study show STUDY",
        "study trials STUDY",
        "study events STUDY",
        "study best STUDY",
        "study recommend STUDY",
        "compare STUDY STUDY",
        "platform list",
        "platform show pixel1",
        "export STUDY",
        "config show",
        "token list",
    ],
)
def test_tables_keep_to_the_width_and_cut_nothing(
    run: Run, study_id: str, line: str, columns: int, tmp_path: Path
) -> None:
    words = line.replace("STUDY", study_id).split()
    result = run(*words, env={"COLUMNS": str(columns), "SPNAS_DATA_DIR": str(tmp_path)})
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= columns
    assert "…" not in result.stdout


def test_a_column_that_has_no_room_is_left_out_and_none_is_broken() -> None:
    table = PlainTable("two words", "name", "b", numeric=("two words", "b"), optional=("b",))
    table.add_row("1.25 x2", "some text", "1234567890")
    for columns, shown in ((40, True), (24, False)):
        console = Console(width=columns, file=io.StringIO(), record=True)
        console.print(table)
        text = console.export_text()
        assert "two words" in text
        assert "1.25 x2" in text
        assert ("1234567890" in text) is shown


def test_a_pipe_gets_no_colour(run: Run, study_id: str) -> None:
    assert not ANSI.search(run("study", "list").output)


def test_no_color_is_honoured_where_colour_is_forced(run: Run, study_id: str) -> None:
    coloured = run("study", "list", env={"FORCE_COLOR": "1"})
    assert re.search(r"\x1b\[3\dm", coloured.stdout)
    plain = run("study", "list", env={"FORCE_COLOR": "1", "NO_COLOR": "1"})
    assert not re.search(r"\x1b\[3\dm", plain.stdout)


def test_brackets_in_a_name_are_text(run: Run, live: Live) -> None:
    study_id = live.create(name="[red]x[/red] [/]", notes=":smile: [bold]")["id"]
    shown = run("study", "show", study_id).stdout
    assert "[red]x[/red] [/]" in shown
    assert ":smile: [bold]" in shown


@pytest.mark.parametrize(
    "line",
    [
        ["study", "create", "--target", "fast"],
        ["study", "create", "--no-such-option"],
        ["study", "create", "--target", "80", "--lambda-range", "1"],
        ["study", "create", "--target", "80", "--set", "x"],
        ["study", "nonsense"],
        ["study", "show"],
        ["study", "list", "--state", "sleeping"],
        ["study", "list", "--limit", "0"],
        ["nonsense"],
        ["create", "--target", "80"],
        ["study", "create"],
        ["study", "list", "--server", "nonsense"],
        ["platform", "import", "phone.csv", "--out", "x.json"],
        ["platform", "add", "missing.json"],
        ["study", "create", "-f", "missing.toml"],
        ["serve", "--port", "99999"],
        ["serve", "--host", "0.0.0.0"],
    ],
    ids=" ".join,
)
def test_a_usage_error_is_one_line_and_code_2(line: list[str]) -> None:
    result = run_cli(line, env={"SPNAS_SERVER": "http://127.0.0.1:9"})
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1


def failing(error: Exception) -> Typer:
    app = Typer(cls=SpnasGroup)

    @app.callback()
    def root() -> None:
        pass

    @app.command()
    def fail() -> None:
        raise error

    return app


def test_a_bug_is_one_line_and_a_trace_only_when_asked() -> None:
    app = failing(ZeroDivisionError("division by zero"))
    short = CliRunner().invoke(app, ["fail"])
    assert (short.exit_code, len(short.stderr.splitlines())) == (1, 1)
    assert "--verbose" in short.stderr
    for line in (["fail", "--verbose"], ["--verbose", "fail"]):
        full = CliRunner().invoke(app, line)
        assert full.exit_code == 1
        assert "Traceback" in full.stderr
        assert "division by zero" in full.stderr


def test_an_error_on_purpose_has_its_own_words() -> None:
    result = CliRunner().invoke(failing(CliError("do this instead")), ["fail"])
    assert (result.exit_code, result.stderr) == (1, "error: do this instead\n")


def test_a_command_of_a_group_is_found_by_its_name() -> None:
    created = run_cli(["create", "--target", "80"], env={}).stderr
    assert "did you mean spnas study create or spnas token create?" in created
    shown = run_cli(["show", "x"], env={}).stderr
    assert "did you mean spnas study show or spnas platform show or spnas config show?" in shown
    assert "see spnas study --help" in run_cli(["study", "nonsense"], env={}).stderr


def test_no_command_is_help_and_no_error() -> None:
    result = run_cli([], env={})
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Usage: spnas [OPTIONS] COMMAND")


def test_a_file_that_cannot_be_written_is_named(run: Run, study_id: str) -> None:
    result = run("study", "export", study_id, "-o", "/nowhere/trials.csv")
    assert (result.exit_code, result.stderr) == (1, "error: /nowhere/trials.csv: No such file or directory\n")
