import csv
import io
import json
from pathlib import Path

import pytest

from service.api.history_schemas import HistoryPage
from service.api.schemas import BestTrial, Study, StudyPage, TrialPage
from tests.service.cli.conftest import Run, run_cli
from tests.service.live import Live
from tests.service.searches import finished_trial, lease, start_trial


def test_create_sends_what_the_flags_say(run: Run) -> None:
    result = run(
        "study", "create", "--target", "60", "--solver", "random", "--lambda-range", "0.2:5",
        "--epochs", "3:6", "--budget", "60", "--parallel", "2", "--seed", "7", "--name", "n",
        "--tag", "a", "--tag", "b", "--notes", "x", "--set", "search.width=0.5", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    spec = Study.model_validate_json(result.stdout).spec
    assert (spec.target_runtime_ms, spec.solver.kind, spec.seed) == (60, "random", 7)
    assert (spec.lambda_range.low, spec.lambda_range.high) == (0.2, 5)
    assert (spec.epochs.min, spec.epochs.max) == (3, 6)
    assert (spec.budget_epochs, spec.max_parallel_trials) == (60, 2)
    assert (spec.name, spec.tags, spec.notes, spec.search.width) == ("n", ("a", "b"), "x", 0.5)


def test_create_prints_the_id_alone_on_stdout(run: Run, live: Live) -> None:
    result = run("study", "create", "--target", "80")
    assert result.exit_code == 0
    assert live.http.get(f"/v1/studies/{result.stdout.strip()}").status_code == 200
    assert "spnas study watch" in result.stderr


def test_flags_win_over_a_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(
        'target_runtime_ms = 70\nseed = 3\n[solver]\nkind = "grid"\nlambdas = 5\n[epochs]\nmax = 4\n'
    )
    result = run(
        "study", "create", "-f", str(file), "--target", "75", "--solver-option", "repeats=2", "--json"
    )
    assert result.exit_code == 0, result.output
    spec = Study.model_validate_json(result.stdout).spec
    assert (spec.target_runtime_ms, spec.seed, spec.epochs.max) == (75, 3, 4)
    assert spec.solver.model_dump() == {"kind": "grid", "lambdas": 5, "epochs": None, "repeats": 2}


@pytest.mark.parametrize(
    ("name", "content"),
    [("s.json", '{"target_runtime_ms": 71, "seed": 5}'), ("s.yaml", "target_runtime_ms: 71\nseed: 5\n")],
)
def test_a_study_comes_from_json_and_yaml_too(run: Run, tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    result = run("study", "create", "-f", str(tmp_path / name), "--json")
    spec = Study.model_validate_json(result.stdout).spec
    assert (spec.target_runtime_ms, spec.seed) == (71, 5)


def test_another_solver_drops_the_options_of_the_one_in_the_file(run: Run) -> None:
    fields = json.dumps({"target_runtime_ms": 70, "solver": {"kind": "grid", "lambdas": 5}})
    result = run("study", "create", "-f", "-", "--solver", "random", "--json", stdin=fields)
    assert Study.model_validate_json(result.stdout).spec.solver.model_dump() == {"kind": "random"}


def test_bad_fields_get_a_line_each(run: Run) -> None:
    result = run(
        "study", "create", "--target", "-1", "--lambda-range", "5:1", "--budget", "0", "--set", "x=1"
    )
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert all(line.startswith("error: ") for line in lines)
    assert [line.split(": ")[1] for line in lines] == [
        "target_runtime_ms", "lambda_range", "budget_epochs", "x",
    ]  # fmt: skip


def test_what_only_the_service_can_refuse_gets_a_line_too(run: Run) -> None:
    result = run("study", "create", "--target", "80", "--platform", "nokia3310")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: platform: ")
    assert "pixel1" in result.stderr


def test_an_unreachable_target_is_a_warning(run: Run) -> None:
    result = run("study", "create", "--target", "1")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: ")


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        ("x = [", "s.toml", "s.toml"),
        ("a: [", "s.yaml", "s.yaml"),
        ("[1]", "s.json", "fields of a study"),
        ("", "s.txt", ".json, .toml, .yaml"),
    ],
)
def test_a_bad_file_is_a_usage_error(run: Run, tmp_path: Path, content: str, name: str, says: str) -> None:
    file = tmp_path / name
    file.write_text(content)
    result = run("study", "create", "-f", str(file))
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_list_shows_a_row_a_study(run: Run, study_id: str) -> None:
    result = run("study", "list", "-q", "nightly")
    assert result.exit_code == 0
    row = next(line for line in result.stdout.splitlines() if study_id in line)
    assert row.split()[1:8] == ["phone", "running", "80", "bayesian", "16/64", "0.9000", "78.0"]


def test_list_as_json_is_the_api_s_page(run: Run, study_id: str) -> None:
    result = run("study", "list", "--state", "running", "--limit", "1", "--json")
    page = StudyPage.model_validate_json(result.stdout)
    assert [study.id for study in page.studies] == [study_id]


def test_an_empty_list_says_how_to_go_on(run: Run) -> None:
    result = run("study", "list", "-q", "no such thing")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "spnas study create" in result.stderr


def test_show_tells_everything(run: Run, study_id: str) -> None:
    result = run("study", "show", study_id)
    assert result.exit_code == 0
    for text in (study_id, "80 ms on pixel1", "2 completed", "1 running", "-2.5 % of the target", "nightly"):
        assert text in result.stdout
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["0", "completed", "1.5", "8/8", "0.9000", "78.0", "0.9000"] in rows
    assert ["2", "running", "0.7", "0/8", "-", "-", "-"] in rows


def test_json_is_what_the_api_says(run: Run, live: Live, study_id: str) -> None:
    for command, path in (("show", ""), ("best", "/best"), ("trials", "/trials")):
        result = run("study", command, study_id, "--json")
        assert json.loads(result.stdout) == live.http.get(f"/v1/studies/{study_id}{path}").json(), command


def test_best_shows_the_network_layer_by_layer(run: Run, study_id: str) -> None:
    result = run("study", "best", study_id)
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert any(row[:4] == ["2", "5x5-6-0.25", "24", "1"] for row in rows)
    assert any(row[:4] == ["4", "skip", "-", "-"] for row in rows)
    assert any(row[:2] == ["in", "all"] for row in rows)


def test_best_scores_for_another_target(run: Run, study_id: str) -> None:
    best = BestTrial.model_validate_json(run("study", "best", study_id, "--target", "120", "--json").stdout)
    assert (best.number, best.reward) == (1, 0.95)
    assert "0.0 % of the target 120 ms" in run("study", "best", study_id, "--target", "120").stdout


def test_no_best_trial_is_not_found(run: Run, live: Live) -> None:
    result = run("study", "best", live.create()["id"])
    assert (result.exit_code, result.stdout) == (3, "")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["show", "watch", "pause", "best", "export", "trials"])
def test_an_unknown_study_is_not_found(run: Run, command: str) -> None:
    result = run("study", command, "nonsense")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("error: ")


def test_pause_resume_cancel_delete(run: Run, live: Live) -> None:
    study_id = live.create()["id"]
    for command, state in (("pause", "paused"), ("resume", "pending"), ("cancel", "cancelled")):
        result = run("study", command, study_id)
        assert (result.exit_code, result.stderr) == (0, f"study {study_id} is {state}\n")
    assert run("study", "resume", study_id).exit_code == 1
    assert run("study", "delete", study_id).exit_code == 2, "nobody can be asked"
    assert run("study", "delete", study_id, "--yes").exit_code == 0
    assert run("study", "show", study_id).exit_code == 3


def test_a_running_study_is_not_deleted(run: Run, study_id: str) -> None:
    result = run("study", "delete", study_id, "-y")
    assert result.exit_code == 1
    assert "pause or cancel" in result.stderr


def test_export_writes_csv(run: Run, study_id: str, tmp_path: Path) -> None:
    on_stdout = run("study", "export", study_id)
    rows = list(csv.DictReader(io.StringIO(on_stdout.stdout)))
    assert [row["number"] for row in rows] == ["0", "1", "2"]
    file = tmp_path / "trials.csv"
    assert run("study", "export", study_id, "-o", str(file)).exit_code == 0
    assert len(file.read_text().splitlines()) == 4


def test_trials_are_shown_in_order(run: Run, live: Live) -> None:
    study_id = live.create(budget_epochs=400)["id"]
    for lambda_ in (0.3, 3.0, 1.0):
        finished_trial(live.store, study_id, lambda_=lambda_)
    page = TrialPage.model_validate_json(run("study", "trials", study_id, "--json").stdout)
    assert [trial.lambda_ for trial in page.trials] == [0.3, 3.0, 1.0]


def test_nothing_listening_is_unreachable() -> None:
    result = run_cli(["study", "list", "--server", "http://127.0.0.1:9"], env={})
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.startswith("error: no service answers at http://127.0.0.1:9")
    assert len(result.stderr.splitlines()) == 1


def test_events_tell_what_happened(run: Run, live: Live) -> None:
    study = live.create()["id"]
    trial = start_trial(live.store, study)
    live.store.dispatch.requeue_trial(lease(live.store), trial.id, 1, crashed=True, error="its node died")
    result = run("study", "events", study)
    assert result.exit_code == 0, result.output
    newest = next(line for line in result.stdout.splitlines() if "trial 0" in line)
    assert "worker lost, to be retried" in newest
    assert "its node died" in result.stdout
    limited = run("study", "events", study, "--trial", "0", "--limit", "2", "--json")
    events = HistoryPage.model_validate_json(limited.stdout).events
    assert [event.kind for event in events] == ["retry", "state"]
