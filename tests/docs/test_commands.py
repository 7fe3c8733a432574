"""Every command that the pages show does what it says there, or at least something, and without an error."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.lines import PAGES, Line, inline_lines, shell_lines
from tests.docs.page import NOT_RUN, PARSED, SMALLER, Page
from tests.docs.parsers import read_module, read_options
from tests.service.live import Live, live_service

SHOWN = {page: list(shell_lines(page)) for page in PAGES}
WITH_COMMANDS = [page for page in PAGES if SHOWN[page]]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A service that serves the studies of all pages and runs none."""
    folder = tmp_path_factory.mktemp("service")
    with live_service(folder, dataset_roots=(str(tmp_path_factory.getbasetemp()),)) as service:
        yield service


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.name)
def test_the_commands_of_a_page_run(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    live: Live,
    new_postgres_database: Callable[[], str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    runs = Page(page, tmp_path, live, new_postgres_database)
    for line in SHOWN[page]:
        try:
            runs.run(line)
        except BaseException as error:
            error.add_note(f"{page.name}: {line.text}")
            raise


@pytest.mark.parametrize(
    ("page", "line"),
    [(page.name, line) for page in PAGES for line in inline_lines(page)],
    ids=lambda value: value.text if isinstance(value, Line) else value,
)
def test_a_command_within_a_sentence_is_one(page: str, line: Line) -> None:
    program, *words = line.words
    if program == "spnas":
        read_options(words)
    elif program == "python" and words[1].startswith("benchmarks.") and len(words) > 2:
        read_module(words[1], words[2:])
    elif program == "python":
        assert find_spec(words[1]), words[1]


def test_no_exception_is_left_over() -> None:
    shown = [line for lines in SHOWN.values() for line in lines]
    for start in NOT_RUN:
        assert any(line.text.startswith(start) or " ".join(line.words).startswith(start) for line in shown), (
            start
        )
    of_spnas = [" ".join(line.words[1:]) for line in shown if line.words[0] == "spnas"]
    for start in (*PARSED, *SMALLER):
        assert any(text.startswith(start) for text in of_spnas), start


@pytest.mark.parametrize(
    "text",
    [
        "spnas study create --targt 80",
        "spnas study create --target 80 --platform nokia",
        "spnas study show 00",
        "spnas serve --prt 1",
        "make serv",
        'make chaos ARGS="--storms 3"',
        "python -m benchmarks.solvers --tuner x",
        "python -m benchmarks.none",
        "python -c 'raise ValueError'",
        "pip install 'spnas-tuner[gpu]'",
        "curl localhost:8080/v1/study",
        "frobnicate",
    ],
)
def test_a_command_that_is_wrong_is_found(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, live: Live
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((Exception, SystemExit)):
        Page(PAGES[0], tmp_path, live, lambda: "postgresql://nowhere").run(Line.of(text))


def test_every_fence_says_what_it_holds() -> None:
    for page in PAGES:
        fences = [line for line in page.read_text("utf-8").splitlines() if line.startswith("```")]
        assert all(fence != "```" for fence in fences[::2]), page


def test_continued_lines_and_comments_are_read(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('```sh\n.venv/bin/spnas study create \\\n  --name "a b"   # why\nmake a && make b\n```\n')
    assert [line.words for line in shell_lines(page)] == [
        ("spnas", "study", "create", "--name", "a b"),
        ("make", "a"),
        ("make", "b"),
    ]
