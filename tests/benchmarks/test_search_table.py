from pathlib import Path

import pytest

from benchmarks.search_table import Recipe, read_table, write_missing
from nas_worker.job import EpochReport, SearchSettings
from nas_worker.search import run_search

RECIPE = Recipe(SearchSettings(max_train_images=96, batch_size=16), "pixel1")


def test_search_that_shares_its_warm_up_equals_an_undivided_one(tmp_path: Path) -> None:
    keys = [(3.0, 3, 5, None), (30.0, 3, 5, None), (1.0, 3, 5, 60.0)]
    write_missing(RECIPE, keys, tmp_path / "table.jsonl", workers=1)
    _, rows = read_table(tmp_path / "table.jsonl")
    found = {(row["lambda"], row["hinge_target_ms"]): row for row in rows}
    for key in keys:
        reports: list[EpochReport] = []
        run_search(RECIPE.job(key), on_epoch=reports.append)
        row = found[key[0], key[3]]
        assert row["accuracy"] == reports[-1].accuracy
        assert row["runtime_ms"] == reports[-1].runtime_ms
        assert row["cross_entropy"] == reports[-1].cross_entropy
        assert tuple(row["architecture"]) == reports[-1].architecture


def test_what_the_table_has_is_not_searched_again(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    write_missing(RECIPE, [(1.0, 1, 0, None)], path, workers=1)
    before = path.read_text()
    write_missing(RECIPE, [(1.0, 1, 0, None)], path, workers=1)
    assert path.read_text() == before


def test_table_of_other_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    write_missing(RECIPE, [], path, workers=1)
    with pytest.raises(ValueError, match="other settings"):
        write_missing(Recipe(SearchSettings(), "pixel1"), [(1.0, 1, 0, None)], path, workers=1)
