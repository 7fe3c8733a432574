import csv
import io
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from service.api.schemas import Trial
from service.cli.sweep.analysis import SweepReport, TargetReport, best_cell, cost_of, report
from service.cli.sweep.grid import SweepGrid, identity, parse_epochs, parse_lambdas, sweep_spec
from service.cli.sweep.heatmap import Heatmap
from service.cli.sweep.run import interrupted_seconds
from service.client import Client
from service.domain.states import StudyState, TrialState
from solver.grid_search import Grid
from solver.reward import reward
from tests.service.cli.conftest import Run
from tests.service.cli.synthetic import Outcome, overshooting, work_off
from tests.service.live import Live
from tests.service.searches import epoch_report, finished_trial, lease, start_trial

GRID = SweepGrid(parse_lambdas("0.1:10:7"), parse_epochs("2:8"), 1)


def trials_of(grid: SweepGrid, outcome: Outcome = overshooting) -> Iterator[Trial]:
    number = 0
    for _ in range(grid.repeats):
        for epochs in grid.epochs:
            for lambda_ in grid.lambdas:
                accuracy, runtime_ms = outcome(lambda_, epochs)
                yield trial(number, lambda_, epochs, accuracy, runtime_ms)
                number += 1


def trial(
    number: int, lambda_: float, epochs: int, accuracy: float | None, runtime_ms: float | None
) -> Trial:
    return Trial.model_validate(
        {
            "number": number,
            "state": TrialState.FAILED if accuracy is None else TrialState.COMPLETED,
            "lambda": lambda_,
            "epochs": epochs,
            "epochs_done": epochs,
            "hinge_target_ms": None,
            "seed": 0,
            "attempt": 1,
            "accuracy": accuracy,
            "runtime_ms": runtime_ms,
            "reward": None,
            "started_at": "2026-01-01T00:00:00Z",
            "finished_at": "2026-01-01T00:01:00Z",
            "updated_at": "2026-01-01T00:01:00Z",
            "error": None,
            "reused_from": None,
        }
    )


def test_lambdas_are_spaced_on_the_log_scale() -> None:
    assert parse_lambdas("0.1:10:5") == (0.1, 0.3162, 1.0, 3.162, 10.0)
    assert parse_lambdas("3,1,3,0.5") == (0.5, 1.0, 3.0)


@pytest.mark.parametrize(
    "text", ["", "1:2", "2:1:3", "0:1:3", "1:2:1", "1:2:x", "1:2:3:4", "-1,2", "nan", "inf,1"]
)
def test_bad_lambdas_are_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="LOW:HIGH:N"):
        parse_lambdas(text)


def test_epochs_are_a_range_or_a_list() -> None:
    assert parse_epochs("2:8") == (2, 3, 4, 5, 6, 7, 8)
    assert parse_epochs("8,2,4") == (2, 4, 8)
    assert parse_epochs("8") == (8,)


@pytest.mark.parametrize("text", ["", "8:2", "0:4", "a", "2:4:8", "1.5"])
def test_bad_epochs_are_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="MIN:MAX"):
        parse_epochs(text)


@given(
    st.lists(st.floats(0.01, 100), min_size=1, max_size=6).map(lambda values: tuple(sorted(set(values)))),
    st.lists(st.integers(1, 12), min_size=1, max_size=5).map(lambda values: tuple(sorted(set(values)))),
    st.integers(1, 3),
)
def test_the_study_searches_just_the_grid(
    lambdas: tuple[float, ...], epochs: tuple[int, ...], repeats: int
) -> None:
    grid = SweepGrid(lambdas, epochs, repeats)
    spec = sweep_spec(grid, {"target_runtime_ms": 80})
    assert isinstance(spec.solver, Grid)
    cells = list(spec.solver.cells(spec.problem))
    assert sorted(cells) == sorted(
        (lambda_, e) for lambda_ in lambdas for e in epochs for _ in range(repeats)
    )
    assert len(cells) == grid.searches
    assert sum(e for _, e in cells) == grid.cost_epochs == spec.budget_epochs


def test_only_what_decides_the_outcomes_makes_another_sweep() -> None:
    same = sweep_spec(GRID, {"target_runtime_ms": 80})
    other_target = sweep_spec(GRID, {"target_runtime_ms": 60, "max_parallel_trials": 4, "name": "x"})
    assert identity(same) == identity(other_target)
    changes: list[dict[str, Any]] = [{"seed": 1}, {"search": {"width": 0.5}}, {"platform": "other"}]
    others = [sweep_spec(GRID, {"target_runtime_ms": 80, **change}) for change in changes]
    wider = sweep_spec(SweepGrid(GRID.lambdas, GRID.epochs, 2), {"target_runtime_ms": 80})
    assert len({identity(spec) for spec in (same, *others, wider)}) == 5


@given(
    st.lists(st.tuples(st.floats(0.1, 1), st.floats(20, 200)), min_size=12, max_size=12),
    st.floats(40, 120),
)
def test_cells_hold_the_reward_of_their_trials(outcomes: list[tuple[float, float]], target_ms: float) -> None:
    grid = SweepGrid((0.1, 1.0, 10.0), (2, 8), 2)
    source = iter(outcomes)
    trials = list(trials_of(grid, lambda *_: next(source)))
    scored = report(grid, trials, target_ms)
    assert len(scored.cells) == 6
    for cell in scored.cells:
        rewards = [
            reward(t.accuracy, t.runtime_ms, target_ms)
            for t in trials
            if (t.lambda_, t.epochs) == (cell.lambda_, cell.epochs) and t.accuracy and t.runtime_ms
        ]
        assert cell.reward == pytest.approx(sum(rewards) / 2)
    full = scored.findings[-1]
    assert full.regret == 0
    assert full.rank_correlation in (None, pytest.approx(1.0))
    for finding in scored.findings:
        assert finding.regret is not None
        assert finding.regret >= 0


def test_overshoot_is_found_and_said() -> None:
    scored = report(GRID, trials_of(GRID), 80)
    low, full = scored.findings[0], scored.findings[-1]
    assert low.best_lambda > full.best_lambda
    assert low.runtime_ms_at_full is not None
    assert low.runtime_ms_at_full < low.runtime_ms <= 80


def test_a_failed_cell_is_no_outcome() -> None:
    grid = SweepGrid((1.0, 2.0), (8,), 1)
    scored = report(grid, [trial(0, 1.0, 8, None, None)], 80)
    assert [(cell.reward, cell.failed) for cell in scored.cells] == [(None, 1), (None, 0)]
    assert scored.findings == ()
    text = rendered(scored, 80)
    assert "failed" in text
    assert best_cell(scored.cells) is None


def rendered(scored: TargetReport, width: int) -> str:
    # Rich keeps the codes of a style from its first use: with fewer colours here, others would get those.
    console = Console(
        width=width, file=io.StringIO(), record=True, force_terminal=True, color_system="truecolor"
    )
    console.print(Heatmap(scored))
    return console.export_text(styles=True)


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_the_heatmap_shows_every_cell_at_any_width(width: int) -> None:
    scored = report(GRID, trials_of(GRID), 80)
    lines = plain(rendered(scored, width)).splitlines()
    assert max(map(len, lines)) <= max(width, len(lines[0]))
    numbers = [number for line in lines for number in re.findall(r"(?<= )\.\d{3}|1\.000", line)]
    assert len(numbers) == GRID.searches
    assert sum("*" in line for line in lines) == len(GRID.epochs)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.fixture
def swept(live: Live, run: Run) -> Iterator[tuple[str, ...]]:
    """A sweep's command line, its study worked off while the command waits for it."""
    line = ("sweep", "--lambda", "0.1:10:3", "--epochs", "2,8", "--seed", str(time.monotonic_ns() % 10**9))

    def work() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for study in live.store.studies.list(query="sweep-").items:
                if study.state is StudyState.PENDING:
                    work_off(live.store, study.id)
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    yield line
    thread.join()


def test_a_sweep_shows_heatmap_summary_and_cost(run: Run, swept: tuple[str, ...]) -> None:
    result = run(*swept, "--target", "80", "--target", "100")
    assert result.exit_code == 0, result.output
    assert "reward for 80 ms" in result.stdout
    assert "reward for 100 ms" in result.stdout
    assert "best at 8 epochs: lambda" in result.stdout
    assert "the grid cost 6 searches, 30 epochs" in result.stdout


def test_the_same_command_takes_the_same_sweep(run: Run, swept: tuple[str, ...], live: Live) -> None:
    first = SweepReport.model_validate_json(run(*swept, "--json").stdout)
    again = SweepReport.model_validate_json(run(*swept, "--json", "--target", "60", "--parallel", "2").stdout)
    assert again.study_id == first.study_id
    assert [scored.target_runtime_ms for scored in again.targets] == [60]
    live.store.studies.delete(first.study_id)


def fields(seed: int) -> dict[str, Any]:
    return {"target_runtime_ms": 80, "seed": seed, "tags": ["sweep"]}


def test_a_paused_sweep_goes_on(run: Run, live: Live) -> None:
    line = ("sweep", "--lambda", "1,2", "--epochs", "4", "--seed", "77", "--json")
    spec = sweep_spec(SweepGrid((1.0, 2.0), (4,), 1), fields(77))
    study, _ = live.store.studies.create(spec)
    assert work_off(live.store, study.id, at_most=1) == 1
    live.store.studies.pause(study.id)
    thread = threading.Timer(1.5, work_off, (live.store, study.id))
    thread.start()
    result = run(*line)
    thread.join()
    assert result.exit_code == 0, result.output
    found = SweepReport.model_validate_json(result.stdout)
    assert (found.study_id, found.cost.searches, found.cost.epochs) == (study.id, 2, 8)


def test_a_cancelled_sweep_is_made_anew(run: Run, live: Live) -> None:
    spec = sweep_spec(SweepGrid((1.0, 2.0), (4,), 1), fields(78))
    cancelled, _ = live.store.studies.create(spec)
    live.store.studies.cancel(cancelled.id)

    def work_off_the_new_one() -> None:
        work_off(live.store, live.store.studies.list(query=identity(spec)).items[0].id)

    thread = threading.Timer(1.5, work_off_the_new_one)
    thread.start()
    result = run("sweep", "--lambda", "1,2", "--epochs", "4", "--seed", "78", "--json")
    thread.join()
    assert SweepReport.model_validate_json(result.stdout).study_id != cancelled.id


def test_a_dry_run_costs_nothing_and_says_what_it_would(run: Run, live: Live) -> None:
    before = len(live.store.studies.list(query="sweep-").items)
    result = run("sweep", "--lambda", "0.1:10:6", "--epochs", "2:8", "--repeats", "2", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "84: 6 x 7 x 2" in result.stdout
    assert "420 epochs" in result.stdout
    assert len(live.store.studies.list(query="sweep-").items) == before


def test_results_are_written_to_files(run: Run, swept: tuple[str, ...], tmp_path: Path) -> None:
    table, page = tmp_path / "s.csv", tmp_path / "s.html"
    files = ("--csv", str(table), "--html", str(page))
    result = run(*swept, "--target", "80", "--target", "60", *files, "--json")
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert len(rows) == 6
    for row in rows:
        expected = reward(float(row["accuracy"]), float(row["runtime_ms"]), 60)
        assert float(row["reward_60ms"]) == expected
    html = page.read_text()
    assert "Plotly.newPlot" in html
    assert "<script src" not in html, "it needs no network"
    found = SweepReport.model_validate_json(result.stdout)
    assert json.loads(result.stdout)["targets"][1]["cells"][0]["lambda"] == found.targets[1].cells[0].lambda_


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--csv", "nowhere/s.csv"), "there is no folder nowhere"),
        (("--html", "nowhere/s.html"), "there is no folder nowhere"),
        (("--png", "s.png"), "pip install kaleido"),
    ],
)
def test_files_that_cannot_be_written_are_refused_before_the_search(
    options: tuple[str, ...], says: str, run: Run, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kaleido", None)
    before = len(live.store.studies.list(query="sweep-").items)
    result = run("sweep", "--lambda", "1,2", "--epochs", "2", "--seed", "79", *options)
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(live.store.studies.list(query="sweep-").items) == before


def test_breaks_between_attempts_are_not_counted(live: Live) -> None:
    study = live.create(reuse_trials=False)["id"]
    finished_trial(live.store, study)
    trial = start_trial(live.store, study)
    live.store.dispatch.record_epochs(lease(live.store), trial.id, 1, [epoch_report(1)])
    live.store.dispatch.requeue_trial(lease(live.store), trial.id, 1, crashed=False, error=None)
    started = live.store.dispatch.start_trial(lease(live.store), trial.id, 1, "worker-2")
    assert started is not None
    reports = [epoch_report(epoch) for epoch in range(2, 9)]
    live.store.dispatch.record_epochs(lease(live.store), trial.id, started.attempt, reports)
    live.store.dispatch.complete_trial(lease(live.store), trial.id, started.attempt)
    with Client(live.base_url) as client:
        trials = list(client.trials(study))
        seconds = interrupted_seconds(client, study, trials)
    assert seconds == {1: 8 * 1.5}
    assert cost_of(trials, seconds).search_seconds == pytest.approx(12, abs=5)
    assert cost_of(trials, {1: 100.0}).search_seconds == pytest.approx(100, abs=5)
