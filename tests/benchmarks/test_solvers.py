from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import solvers
from benchmarks._simulator import Replay
from benchmarks.solvers import Study, read_replays, run_all, summarise

STUDIES = [Study("sigmoid", 1, "random", seed, 40) for seed in range(3)]


def test_kept_replays_are_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "replays.jsonl"
    run_all(STUDIES[:2], 1, path)
    first = read_replays(path)
    assert set(first) == set(STUDIES[:2])
    ran = run_all(STUDIES, 1, path)
    for study in STUDIES[:2]:
        assert ran[study] == first[study]
    assert {study: replay.moments for study, replay in ran.items()} == {
        study: study.run().moments for study in STUDIES
    }
    monkeypatch.setattr(solvers, "ProcessPoolExecutor", None)
    assert set(run_all(STUDIES, 1, path)) == set(STUDIES)


def test_another_budget_is_another_study() -> None:
    assert replace(STUDIES[0], budget_epochs=48) not in STUDIES


def test_summary_tells_of_studies_that_never_got_there() -> None:
    replays = [study.run() for study in STUDIES]
    never = [Replay(tuple(replace(m, regret=0.5) for m in each.moments), (0.1,)) for each in replays]
    figures = summarise(never, 40)
    assert figures["share_never_within_1pct"] == 1
    assert figures["median_epochs_to_1pct"] == float("inf")
    assert figures["mean_regret_pct_at_40"] == pytest.approx(50)
    assert figures["mean_seconds_per_suggestion"] == pytest.approx(0.1)
