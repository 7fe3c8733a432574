import csv
import io
from pathlib import Path

import pytest

from service.cli.curves import Comparison, Curve, compare
from service.client import Client
from tests.service.cli.conftest import Run
from tests.service.cli.synthetic import work_off
from tests.service.live import Live
from tests.service.searches import finished_trial


@pytest.fixture(scope="module")
def studies(live: Live) -> dict[str, list[str]]:
    """Three random and one grid study of 48 epochs, worked off."""
    found: dict[str, list[str]] = {}
    for kind, seeds in (("random", (0, 1, 2)), ("grid", (0,))):
        for seed in seeds:
            study_id = live.create(solver={"kind": kind}, seed=seed, budget_epochs=48)["id"]
            work_off(live.store, study_id)
            found.setdefault(kind, []).append(study_id)
    return found


def curve_of(live: Live, study_id: str) -> Curve:
    with Client(live.base_url) as client:
        return Curve.of(client.get_study(study_id), client.trials(study_id))


def test_a_curve_is_the_best_so_far_at_full_fidelity(live: Live) -> None:
    study_id = live.create(budget_epochs=400)["id"]
    for accuracy, epochs in ((0.5, 8), (0.9, 4), (0.4, 8), (0.7, 8)):
        finished_trial(live.store, study_id, accuracy=accuracy, epochs=epochs)
    curve = curve_of(live, study_id)
    assert (curve.spent_epochs, curve.rewards, curve.end_epochs) == ((8, 28), (0.5, 0.7), 28)
    assert [curve.at(spent) for spent in (7, 8, 27, 28, 29)] == [None, 0.5, 0.5, 0.7, None]


def test_repetitions_are_one_row_with_mean_and_spread(
    run: Run, live: Live, studies: dict[str, list[str]]
) -> None:
    ids = [study_id for group in studies.values() for study_id in group]
    result = run("compare", *ids, "--json")
    assert result.exit_code == 0, result.output
    groups = {group.solver: group for group in Comparison.model_validate_json(result.stdout).groups}
    assert set(groups["random"].study_ids) == set(studies["random"])
    last = groups["random"].points[-1]
    ends = [curve_of(live, study_id).rewards[-1] for study_id in studies["random"]]
    assert last.spent_epochs == 48
    assert last.mean == pytest.approx(sum(ends) / 3)
    assert last.spread is not None
    assert groups["grid"].points[-1].spread is None
    table = run("compare", *ids).stdout
    assert f"{last.mean:.4f} ±{last.spread:.4f}" in table


@pytest.mark.parametrize("points", [1, 3, 20, 48, 200])
def test_points_rise_to_the_end(live: Live, studies: dict[str, list[str]], points: int) -> None:
    curves = [curve_of(live, study_id) for study_id in studies["random"]]
    (group,) = compare(curves, points).groups
    marks = [point.spent_epochs for point in group.points]
    assert marks == sorted(set(marks))
    assert marks[-1] == 48
    means = [point.mean for point in group.points]
    assert means == sorted(means)


def test_curves_go_to_files(run: Run, studies: dict[str, list[str]], tmp_path: Path) -> None:
    table, page = tmp_path / "c.csv", tmp_path / "c.html"
    result = run("compare", *studies["random"], "--csv", str(table), "--html", str(page))
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert {row["study"] for row in rows} == set(studies["random"])
    assert "Plotly.newPlot" in page.read_text()


def test_different_targets_are_warned_of(run: Run, live: Live, studies: dict[str, list[str]]) -> None:
    other = live.create(target_runtime_ms=60)["id"]
    result = run("compare", other, *studies["grid"])
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: the studies have different targets (60.0, 80.0)")


def test_an_unknown_study_is_not_found(run: Run) -> None:
    assert run("compare", "nonsense").exit_code == 3
