import csv
import io
import json

import pytest

from service.api.schemas import RecommendationList, Study, StudyBest
from service.cli.curves import Comparison
from tests.service.cli.conftest import Run
from tests.service.live import Live
from tests.service.searches import finished_trial


@pytest.fixture
def two(live: Live) -> str:
    """A study for 80 and 60 ms: trial 0 is best for the first, trial 1 for the second."""
    study_id: str = live.create(
        name="both", target_runtime_ms=[80, 60], solver={"kind": "composite"}, budget_epochs=64
    )["id"]
    finished_trial(live.store, study_id, lambda_=1.5, accuracy=0.9, runtime_ms=78.0)
    finished_trial(live.store, study_id, lambda_=4.0, accuracy=0.8, runtime_ms=59.0)
    return study_id


def test_create_takes_target_several_times(run: Run) -> None:
    result = run("study", "create", "--target", "60", "--target", "80.5", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["spec"]["target_runtime_ms"] == [60, 80.5]
    once = run("study", "create", "--target", "60", "--json")
    assert json.loads(once.stdout)["spec"]["target_runtime_ms"] == 60


def test_a_file_may_hold_a_list_and_flags_win_over_it(run: Run) -> None:
    fields = json.dumps({"target_runtime_ms": [70, 80]})
    listed = run("study", "create", "-f", "-", "--json", stdin=fields)
    assert Study.model_validate_json(listed.stdout).spec.targets_ms == (70, 80)
    flag = run("study", "create", "-f", "-", "--target", "60", "--json", stdin=fields)
    assert Study.model_validate_json(flag.stdout).spec.targets_ms == (60,)


@pytest.mark.parametrize(
    ("targets", "says"),
    [
        (["80", "80"], "error: target_runtime_ms: targets must be distinct; 80 is there more than once"),
        (list("123456789"), "error: target_runtime_ms: must hold 1 to 8 targets; got 9"),
        (["80", "-1"], "error: target_runtime_ms.1: must be greater than or equal to 0.001; got -1"),
        (["80", "nan"], "error: target_runtime_ms.1: must be a finite number; got NaN"),
        (["inf"], "error: target_runtime_ms: must be a finite number; got Infinity"),
    ],
)
def test_bad_targets_are_usage_errors(run: Run, targets: list[str], says: str) -> None:
    result = run("study", "create", *(word for target in targets for word in ("--target", target)))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(says)


def test_list_and_show_have_each_target(run: Run, two: str) -> None:
    row = next(line for line in run("study", "list").stdout.splitlines() if two in line)
    assert row.split()[1:5] == ["both", "running", "80,", "60"]
    shown = run("study", "show", two).stdout
    assert "80, 60 ms on pixel1" in shown
    first, second = shown.split("best trial so far for ")[1:]
    assert first.startswith("80 ms")
    assert "-2.5 % of the target 80 ms" in first
    assert second.startswith("60 ms")
    assert "-1.7 % of the target 60 ms" in second


def test_best_has_the_network_for_each_target(run: Run, live: Live, two: str) -> None:
    found = run("study", "best", two).stdout
    assert found.index("for 80 ms") < found.index("for 60 ms")
    assert found.count("5x5-6-0.25") >= 2
    as_json = StudyBest.model_validate_json(run("study", "best", two, "--json").stdout)
    assert [(target, trial.number) for target, trial in as_json.per_target(80)] == [(80, 0), (60, 1)]
    one = run("study", "best", two, "--target", "60").stdout
    assert "for 80 ms" not in one
    assert "-1.7 % of the target 60 ms" in one


def test_recommend_shows_what_to_expect(run: Run, live: Live, two: str) -> None:
    as_json = run("study", "recommend", two, "--json")
    assert json.loads(as_json.stdout) == live.http.get(f"/v1/studies/{two}/recommendation").json()
    advice = RecommendationList.model_validate_json(as_json.stdout).recommendations
    text = run("study", "recommend", two).stdout
    for each, part in zip(advice, text.split("for ")[1:], strict=True):
        assert part.startswith(f"{each.target_runtime_ms:g} ms\n")
        assert f"P(R <= {each.target_runtime_ms:g} ms) = {each.probability_within:.2f}" in part
        assert "with 90 % from" in part
        assert f"{each.reward:.4f} expected" in part
    other = RecommendationList.model_validate_json(
        run("study", "recommend", two, "--target", "100", "--json").stdout
    )
    assert [each.target_runtime_ms for each in other.recommendations] == [100]


def test_recommend_says_so_without_a_model(run: Run, study_id: str) -> None:
    text = run("study", "recommend", study_id).stdout
    assert "the best trial so far, 0; there is no model" in text
    assert "P(R" not in text


def test_recommend_before_the_first_trial_is_not_found(run: Run, live: Live) -> None:
    for study in (live.create()["id"], "nonsense"):
        result = run("study", "recommend", study)
        assert (result.exit_code, result.stdout) == (3, "")
        assert len(result.stderr.splitlines()) == 1


def test_export_has_the_reward_for_each_target(run: Run, two: str) -> None:
    rows = list(csv.DictReader(io.StringIO(run("study", "export", two).stdout)))
    assert [float(row["reward"]) for row in rows] == [0.9, 0.8]
    assert [float(row["reward_60_ms"]) for row in rows] == [pytest.approx(0.9 * 60 / 78), 0.8]


def test_compare_groups_studies_by_their_targets(run: Run, live: Live, two: str) -> None:
    one = live.create(target_runtime_ms=80, solver={"kind": "composite"})["id"]
    finished_trial(live.store, one)
    result = run("compare", two, one, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == "", "both are scored for 80 ms"
    groups = Comparison.model_validate_json(result.stdout).groups
    assert [group.target_runtime_ms for group in groups] == [80, (80, 60)]
    assert "80, 60" in run("compare", two, one).stdout
