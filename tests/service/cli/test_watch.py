import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service.api.schemas import Study
from service.cli.follow import Follower
from service.client import Client, ServiceUnreachableError
from service.domain.states import StudyState
from tests.service.cli.conftest import Run
from tests.service.live import Live
from tests.service.searches import epoch_report, finished_trial, lease, start_trial

SPNAS = [sys.executable, "-c", "from service.cli import main; main()"]


@contextmanager
def meanwhile(live: Live, study_id: str, state: StudyState) -> Iterator[None]:
    """Runs a trial to its end and finishes the study while the block waits for it."""

    def work() -> None:
        trial = start_trial(live.store, study_id, lambda_=0.5)
        for epoch in range(1, 9):
            live.store.dispatch.record_epochs(
                lease(live.store), trial.id, trial.attempt, [epoch_report(epoch)]
            )
            if epoch == 4:
                time.sleep(1.5)  # the command looks once a second
        live.store.dispatch.complete_trial(lease(live.store), trial.id, trial.attempt)
        live.store.dispatch.finish_study(lease(live.store), study_id, state, "the disk is full")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def test_watch_tells_what_happens_and_ends_with_the_study(run: Run, live: Live) -> None:
    study_id = live.create(budget_epochs=16, name="phone")["id"]
    finished_trial(live.store, study_id, accuracy=0.8)
    with meanwhile(live, study_id, StudyState.COMPLETED):
        result = run("study", "watch", study_id)
    assert result.exit_code == 0, result.output
    lines = result.stderr.splitlines()
    assert lines[0] == f"phone: study {study_id}, solver bayesian"
    assert "trial 1: lambda 0.5, epoch 4/8, accuracy 0.9000, 78.0 ms" in lines
    assert "trial 1: lambda 0.5, 8 epochs, accuracy 0.9000, 78.0 ms, reward 0.9000" in lines
    assert f"study {study_id} is completed" in lines
    assert not [line for line in lines if line.startswith("trial 0")], "it had ended before"
    assert "0.9000" in result.stdout
    assert "lambda 0.5" not in result.stdout, "progress is not data"


def test_watch_as_json_ends_with_the_study_on_stdout(run: Run, live: Live) -> None:
    study_id = live.create(budget_epochs=8)["id"]
    with meanwhile(live, study_id, StudyState.COMPLETED):
        result = run("study", "watch", study_id, "--json")
    study = Study.model_validate_json(result.stdout)
    assert (study.state, study.spent_epochs) == (StudyState.COMPLETED, 8)


def test_a_failed_study_is_exit_code_1_and_says_why(run: Run, live: Live) -> None:
    study_id = live.create(budget_epochs=8)["id"]
    with meanwhile(live, study_id, StudyState.FAILED):
        result = run("study", "watch", study_id)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "error: the study is failed: the disk is full"


def test_a_paused_study_is_not_waited_for(run: Run, live: Live) -> None:
    study_id = live.create()["id"]
    live.store.studies.pause(study_id)
    result = run("study", "watch", study_id)
    assert result.exit_code == 1
    assert f"spnas study resume {study_id}" in result.stderr


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_lets_go_and_says_how_to_come_back(live: Live, study_id: str, sign: signal.Signals) -> None:
    line = [*SPNAS, "study", "watch", study_id, "--server", live.base_url]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        process.send_signal(sign)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert study_id in first
    assert f"spnas study watch {study_id} --server {live.base_url}" in err
    assert "Traceback" not in err
    assert live.store.studies.get(study_id).state is StudyState.RUNNING


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_gets_a_view_in_place(live: Live, study_id: str, no_color: bool) -> None:
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    environment.pop("NO_COLOR", None)
    if no_color:
        environment["NO_COLOR"] = "1"
    line = [*SPNAS, "study", "watch", study_id, "--server", live.base_url]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=follower, env=environment) as process:
        os.close(follower)
        shown = read_until(leader, "0.7")
        process.send_signal(signal.SIGINT)
        shown += read_until(leader, "spnas study watch")
    os.close(leader)
    assert process.returncode == 130
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert "16 spent, 8 reserved, 40 left of 64 epochs" in plain
    assert "best so far: reward 0.9000 in trial 0" in plain
    assert "█" in plain
    assert bool(re.search(r"\x1b\[(1;)?3\dm", shown)) is not no_color


def read_until(descriptor: int, text: str) -> str:
    shown = ""
    while text not in shown:
        chunk = os.read(descriptor, 4096).decode()
        assert chunk, shown
        shown += chunk
    return shown


class FlakyClient(Client):
    """A connection that breaks: the calls numbered in ``broken`` reach nobody."""

    broken: range = range(0)
    calls: int = 0

    def get_study(self, study_id: str) -> Study:
        self.calls += 1
        if self.calls in self.broken:
            raise ServiceUnreachableError("gone")
        return super().get_study(study_id)


def test_a_service_that_comes_back_is_waited_for(live: Live) -> None:
    study_id = live.create()["id"]
    with FlakyClient(live.base_url) as client:
        client.broken = range(2, 5)
        snapshots = Follower(client, study_id, poll_seconds=0.01).snapshots()
        next(snapshots)
        live.store.studies.cancel(study_id)
        assert [snapshot.study.state for snapshot in snapshots] == [StudyState.CANCELLED]
        assert client.calls == 5


def test_a_service_that_stays_away_is_given_up(live: Live) -> None:
    study_id = live.create()["id"]
    with FlakyClient(live.base_url) as client:
        client.broken = range(2, 1_000_000)
        snapshots = Follower(client, study_id, poll_seconds=0.01, patience_seconds=0.1).snapshots()
        next(snapshots)
        with pytest.raises(ServiceUnreachableError):
            next(snapshots)


def test_a_service_that_never_answered_is_not_waited_for(live: Live) -> None:
    with FlakyClient(live.base_url) as client:
        client.broken = range(1, 2)
        with pytest.raises(ServiceUnreachableError):
            next(Follower(client, "any").snapshots())


def test_a_trial_ends_once_and_shows_its_last_epoch_while_it_runs(live: Live) -> None:
    study_id = live.create(budget_epochs=400)["id"]
    with Client(live.base_url) as client:
        snapshots = Follower(client, study_id, poll_seconds=0.01).snapshots()
        assert next(snapshots).running == []
        trial = start_trial(live.store, study_id)
        live.store.dispatch.record_epochs(
            lease(live.store), trial.id, trial.attempt, [epoch_report(n, accuracy=n / 10) for n in (1, 2)]
        )
        (running,) = next(snapshots).running
        assert running.latest is not None
        assert (running.trial.epochs_done, running.latest.accuracy) == (2, 0.2)
        live.store.dispatch.fail_trial(lease(live.store), trial.id, trial.attempt, "diverged")
        snapshot = next(snapshots)
        assert [ended.error for ended in snapshot.ended] == ["diverged"]
        assert snapshot.running == []
        finished_trial(live.store, study_id)
        numbers = [ended.number for ended in next(snapshots).ended]
        assert numbers == [1]
