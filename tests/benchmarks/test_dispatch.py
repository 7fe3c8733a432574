import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks._sleeping import Busy, images_of, sleep_search
from benchmarks.dispatch import busy_share, gaps_ms
from nas_worker.job import EpochReport, SearchJob, SearchSettings
from nas_worker.platform import load_platform


def test_gaps_and_busy_share_of_known_searches() -> None:
    first = [Busy(1, 0.0, 9.0), Busy(1, 10.0, 19.5), Busy(1, 20.0, 30.0)]
    second = [Busy(2, 5.0, 15.0)]
    assert gaps_ms(first) == pytest.approx([1000, 500])
    assert busy_share([*first, *second]) == pytest.approx((28.5 + 10) / (30 + 10))


def test_a_sleeping_search_reports_like_a_real_one_and_says_when_it_was_busy(tmp_path: Path) -> None:
    reports: list[EpochReport] = []
    settings = SearchSettings(max_train_images=images_of(0.02))
    job = SearchJob(settings, load_platform("pixel1"), lambda_=1.0, epochs=3, seed=0)
    assert sleep_search(job, on_epoch=reports.append, checkpoint_dir=str(tmp_path / "trial-0"), threads=1)
    assert [report.epoch for report in reports] == [1, 2, 3]
    (busy,) = Busy.read_all(tmp_path)
    assert busy.end - busy.begin >= 0.06


@pytest.mark.slow
def test_all_figures_of_a_few_short_trials() -> None:
    # A process of its own: a process has one connection to Ray.
    program = "import json; from benchmarks.dispatch import measure; print(json.dumps(measure(2, 2, 1, 0.1)))"
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert set(figures) == {
        "random_gap_ms",
        "composite_gap_ms",
        "busy_share",
        "tune_gap_ms",
        "tune_gap_ratio_to_random",
        "tune_gap_ratio_to_composite",
    }
    assert 0 < figures["busy_share"] <= 1
    assert figures["tune_gap_ratio_to_random"] > 1
