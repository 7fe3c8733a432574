from dataclasses import replace
from pathlib import Path

import pytest

from nas_worker.search_log import log_path
from service.dispatch.checkpoints import folder_of
from service.domain.records import TrialRecord
from service.trial_logs import TAIL_BYTES, Tail, tail
from tests.service.figures.plausible import searches
from tests.service.figures.records import study_of

(TRIAL,) = study_of(list(searches(1)))[1]


def write(root: Path, trial: TrialRecord, attempt: int, content: bytes) -> Path:
    path = log_path(folder_of(str(root), trial), attempt)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_short_log_is_shown_whole(tmp_path: Path) -> None:
    write(tmp_path, TRIAL, 1, "λ = 2\nfinished\n".encode())
    assert tail(str(tmp_path), TRIAL) == Tail(1, "λ = 2\nfinished\n", is_cut=False)


def test_of_a_long_log_the_last_whole_lines_are_shown(tmp_path: Path) -> None:
    lines = [f"line {number} {'λ' * 40}\n" for number in range(1000)]
    write(tmp_path, TRIAL, 1, "".join(lines).encode())
    found = tail(str(tmp_path), TRIAL)
    assert found is not None
    assert found.is_cut
    assert TAIL_BYTES / 2 < len(found.text.encode()) <= TAIL_BYTES
    assert "".join(lines).endswith("\n" + found.text)


def test_the_latest_attempt_that_has_a_log_counts(tmp_path: Path) -> None:
    for attempt in (1, 2):
        write(tmp_path, TRIAL, attempt, b"attempt %d\n" % attempt)
    assert tail(str(tmp_path), replace(TRIAL, attempt=3)) == Tail(2, "attempt 2\n", is_cut=False)
    assert tail(str(tmp_path), replace(TRIAL, attempt=1)) == Tail(1, "attempt 1\n", is_cut=False)
    assert tail(str(tmp_path), replace(TRIAL, attempt=0)) is None
    assert tail(str(tmp_path / "elsewhere"), TRIAL) is None
    assert tail("s3://bucket/checkpoints", TRIAL) is None


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_only_a_regular_file_is_read(tmp_path: Path, kind: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("token\n")
    path = log_path(folder_of(str(tmp_path), TRIAL), 1)
    path.parent.mkdir(parents=True)
    if kind == "link":
        path.symlink_to(secret)
    else:
        path.mkdir()
    assert tail(str(tmp_path), TRIAL) is None


def test_what_is_no_text_is_shown_as_such(tmp_path: Path) -> None:
    write(tmp_path, TRIAL, 1, b"\xff\xfe<b>\n")
    assert tail(str(tmp_path), TRIAL) == Tail(1, "��<b>\n", is_cut=False)
