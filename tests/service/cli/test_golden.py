"""What commands show on a terminal of 80 columns, to the letter.

``SPNAS_WRITE_GOLDEN=1 pytest tests/service/cli/test_golden.py`` writes the files anew; read what has changed.
"""

import io
import os
import re
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest
from rich.console import Console

from service.cli.sweep.analysis import report
from service.cli.sweep.grid import SweepGrid, parse_epochs, parse_lambdas
from service.cli.sweep.heatmap import Heatmap
from service.cli.sweep.summary import summary
from tests.service.cli.conftest import Run
from tests.service.cli.test_sweep import trials_of
from tests.service.live import Live
from tests.service.searches import finished_trial, start_trial

GOLDEN = Path(__file__).parent / "golden"
GRID = SweepGrid(parse_lambdas("0.1:10:7"), parse_epochs("2:8"), 1)


def compare(name: str, text: str) -> None:
    """Fails unless the text is that of the file."""
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("SPNAS_WRITE_GOLDEN"):
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8"), f"{file.name} differs"


def timeless(text: str, names: Mapping[str, str]) -> str:
    """Output without what differs from run to run: ids, and the time."""
    for found, name in names.items():
        text = text.replace(found, name)
    text = re.sub(
        r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", lambda found: "2026-01-01 00:00:00"[: len(found[0])], text
    )
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


@pytest.mark.parametrize(
    "line",
    [
        "study show STUDY",
        "study list --query TAG",
        "study trials STUDY",
        "study best STUDY",
        "study recommend STUDY",
        "compare STUDY OTHER",
        "platform show pixel1",
        "export STUDY",
    ],
)
def test_what_a_command_shows(line: str, run: Run, live: Live) -> None:
    tag = uuid.uuid4().hex[:8]
    study = live.create(name="phone", tags=[tag], budget_epochs=64)["id"]
    finished_trial(live.store, study, lambda_=1.5, accuracy=0.9, runtime_ms=78.0)
    finished_trial(live.store, study, lambda_=0.2, accuracy=0.95, runtime_ms=120.0)
    start_trial(live.store, study, lambda_=0.7)
    other = live.create(solver={"kind": "random"})["id"]
    finished_trial(live.store, other, lambda_=0.9, accuracy=0.85, runtime_ms=79.0)
    words = [{"STUDY": study, "OTHER": other, "TAG": tag}.get(word, word) for word in line.split()]
    result = run(*words, env={"COLUMNS": "80"})
    assert result.exit_code == 0, result.output
    name = "-".join(word for word in line.split() if word.islower() and not word.startswith("-"))
    names = {study: "0123456789abcdef", other: "fedcba9876543210", tag: "nightly."}
    compare(name, timeless(result.stdout, names))


@pytest.mark.parametrize(
    ("name", "width", "colour"),
    [("80", 80, None), ("80-colour", 80, "truecolor"), ("30", 30, None)],
)
def test_what_a_sweep_shows(name: str, width: int, colour: Literal["truecolor"] | None) -> None:
    scored = report(GRID, trials_of(GRID), 80)
    file = io.StringIO()
    console = Console(width=width, file=file, force_terminal=colour is not None, color_system=colour)
    console.print(Heatmap(scored), summary(scored))
    compare(f"sweep-{name}", timeless(file.getvalue(), {}))
