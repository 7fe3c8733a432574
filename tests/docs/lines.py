"""The commands that the Markdown pages show."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:spnas|make|python -m) [^`]+)`")


@dataclass(frozen=True)
class Line:
    """A command on a page.

    Attributes:
        text: As it stands there, continued lines joined.
        words: Of the shell, without comment.
    """

    text: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Line":
        """Of a line of shell."""
        words = shlex.split(text, comments=True)
        if words and words[0].startswith(".venv/bin/"):
            words[0] = words[0].removeprefix(".venv/bin/")
        return cls(text, tuple(words))


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in a language."""
    return [body for found, body in FENCE.findall(page.read_text("utf-8")) if found == language]


def shell_lines(page: Path) -> Iterator[Line]:
    """The commands in the blocks of shell, each part of ``a && b`` by itself."""
    for block in blocks(page, "sh"):
        for text in block.replace("\\\n", " ").splitlines():
            for part in re.split(r" && ", text):
                if part.strip():
                    yield Line.of(part.strip())


def inline_lines(page: Path) -> Iterator[Line]:
    """The commands within sentences, which may leave out what the sentence does not need."""
    prose = FENCE.sub("", page.read_text("utf-8"))
    for text in INLINE.findall(prose):
        yield Line.of(text)
