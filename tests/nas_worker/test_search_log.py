import logging
import re
import threading
import warnings
from pathlib import Path

import pytest

from nas_worker.actor import Assignment, Outcome, PollReply, SearchWorker
from nas_worker.search_log import MAX_BYTES, kept_log, log_path
from tests.nas_worker.jobs import small_job

LOG = logging.getLogger("nas_worker.anything")


def run(folder: Path, *, attempt: int = 1, **fields: object) -> PollReply:
    worker = SearchWorker()
    worker.start(Assignment(1, attempt, small_job(epochs=2, **fields), str(folder)))  # type: ignore[arg-type]
    assert worker.poll(1, attempt, after_epoch=2, wait_seconds=60).outcome is not None
    return worker.poll(1, attempt, after_epoch=0, wait_seconds=0)


def test_a_search_leaves_a_line_per_epoch_and_how_it_ended(tmp_path: Path) -> None:
    folder = tmp_path / "trial-0"
    reply = run(folder, attempt=3)
    lines = log_path(folder, 3).read_text().splitlines()
    assert "INFO attempt 3 on " in lines[0]
    assert "begins from the start" in lines[2]
    for report, line in zip(reply.reports, lines[3:-1], strict=True):
        assert f"epoch {report.epoch}: cross-entropy {report.cross_entropy:.4f}, " in line
    assert lines[-1].endswith("INFO finished")


def test_a_failed_search_says_why_at_the_end_of_its_log(tmp_path: Path) -> None:
    reply = run(tmp_path, dataset="imagefolder:/nowhere")
    assert (reply.outcome, reply.error is None) == (Outcome.FAILED, False)
    assert log_path(tmp_path, 1).read_text().splitlines()[-1].endswith(f"ERROR failed: {reply.error}")


def test_what_other_threads_log_and_what_comes_before_and_after_stays_out(tmp_path: Path) -> None:
    level = logging.getLogger("nas_worker").level
    LOG.warning("before")
    with kept_log(tmp_path / "log.txt"):
        other = threading.Thread(target=LOG.warning, args=("elsewhere",))
        other.start()
        other.join()
        LOG.info("mine")
        logging.getLogger("a_library").warning("careful")
        logging.getLogger("a_library").info("chatter")
    LOG.warning("after")
    words = [line.split(" ", 1)[1] for line in (tmp_path / "log.txt").read_text().splitlines()]
    assert words == ["INFO mine", "WARNING careful"]
    assert logging.getLogger("nas_worker").level == level


def test_a_long_log_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    with kept_log(path):
        for number in range(2 * MAX_BYTES // 1000 + 1):
            LOG.info("%d %s", number, "x" * 1000)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["log.txt", "log.txt.1"]
    assert all(file.stat().st_size <= MAX_BYTES for file in files)


def test_a_log_that_cannot_be_written_does_not_end_a_search(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log_path(tmp_path, 1).mkdir()
    with warnings.catch_warnings():
        assert run(tmp_path).outcome is Outcome.FINISHED
    assert "Is a directory" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_told_by_the_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    reply = run(tmp_path / "file" / "trial-0")
    assert reply.outcome is Outcome.FAILED
    assert reply.error is not None
    assert re.fullmatch(r"checkpoint .*file/trial-0.* cannot be written: .*", reply.error)
