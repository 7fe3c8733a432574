"""What the Markdown pages name is there: files, headings, make targets and benchmarks.

Their commands are run by tests/docs.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Those that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """Links of a page that lead nowhere on this disk; addresses elsewhere are left alone."""
    found = []
    for one, other in LINK.findall(page.read_text()):
        link = one or other
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One two!\n[a](#one-two) [b](#three) [c](gone.md) ![d](page.md) [e](https://x.org)\n")
    assert broken(page) == ["#three", "gone.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_modules_targets_and_files_exist(page: Path) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for module in re.findall(r"python -m (benchmarks\.\w+)", text):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
    for target in re.findall(r"`make ([a-z][\w-]*)", text) + re.findall(r"^ *make ([a-z][\w-]*)", text, re.M):
        name = target.removeprefix("bench-")
        assert target in targets or (ROOT / "benchmarks" / f"{name}.py").is_file(), target
    for path in re.findall(
        r"`((?:service|solver|nas_worker|benchmarks|examples|docker|migrations|tests|docs)/[\w./-]+)`", text
    ):
        assert (ROOT / path).exists(), path


def test_every_page_is_in_the_list_of_tasks() -> None:
    listed = set(re.findall(r"\((\S+\.md)\)", (ROOT / "docs" / "README.md").read_text("utf-8")))
    assert listed == {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
