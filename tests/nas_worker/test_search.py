import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nas_worker.checkpoint import load_checkpoint
from nas_worker.errors import CheckpointError, DivergedError, SearchError, StorageError, UnknownNameError
from nas_worker.inputs import training_sources
from nas_worker.job import EpochReport, SearchJob
from nas_worker.platform import load_platform
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.search import run_search
from nas_worker.space import Architecture
from nas_worker.trainer import SearchTrainer
from tests.nas_worker.jobs import comparable, small_job


def run(job: SearchJob, **options: Any) -> list[EpochReport]:
    reports: list[EpochReport] = []
    assert run_search(job, on_epoch=reports.append, **options)
    return reports


LONGER = small_job(0.3, 4)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[EpochReport]]:
    folder = tmp_path_factory.mktemp("unbroken")
    return folder, run(LONGER, checkpoint_dir=folder)


@pytest.fixture(scope="module")
def plain() -> list[EpochReport]:
    return run(small_job())


def test_reports_tell_the_state_after_each_epoch(plain: list[EpochReport]) -> None:
    platform = load_platform("pixel1")
    assert [report.epoch for report in plain] == [1, 2]
    for report in plain:
        architecture = Architecture.parse(report.architecture)
        assert report.runtime_ms == architecture_runtime_ms(platform, architecture)
        assert 0 <= report.accuracy <= 1
        assert 0 < report.cross_entropy < 10
        assert report.seconds > 0
        assert report.checkpoint is None


def test_the_same_job_gives_the_same_reports_and_another_seed_others(plain: list[EpochReport]) -> None:
    assert comparable(run(small_job())) == comparable(plain)
    assert run(small_job(seed=1))[0].cross_entropy != plain[0].cross_entropy


def test_warm_up_and_schedule_rescale_to_the_length(plain: list[EpochReport]) -> None:
    assert comparable(run(small_job(epochs=1))) != comparable(plain)[:1]


def final_state(checkpoint: Path) -> dict[str, Any]:
    trainer = SearchTrainer(LONGER)
    assert load_checkpoint(checkpoint, trainer) == 4
    return trainer.state_dict()


@pytest.mark.parametrize(("done", "scheme"), [(1, ""), (3, ""), (2, "local://")])
def test_a_resumed_search_ends_bit_equal_to_an_unbroken_one(
    done: int, scheme: str, unbroken: tuple[Path, list[EpochReport]], tmp_path: Path
) -> None:
    reports: list[EpochReport] = []
    location = f"{scheme}{tmp_path}"
    finished = run_search(
        LONGER, on_epoch=reports.append, should_stop=lambda: len(reports) == done, checkpoint_dir=location
    )
    assert not finished
    assert len(reports) == done
    resumed = run(LONGER, checkpoint_dir=location, attempt=2, resume_from=reports[-1].checkpoint)
    folder, expected = unbroken
    assert comparable(reports + resumed) == comparable(expected)
    assert resumed[-1].checkpoint == f"{location}/epoch-4-attempt-2.pt"
    torch.testing.assert_close(
        final_state(tmp_path / "epoch-4-attempt-2.pt"),
        final_state(folder / "epoch-4-attempt-1.pt"),
        rtol=0,
        atol=0,
    )


def test_a_checkpoint_that_cannot_be_written_ends_the_search_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "full").touch()
    with pytest.raises(
        StorageError, match=r"full/epoch-1-attempt-1.pt cannot be written: (Not a|File exists)"
    ):
        run(small_job(), checkpoint_dir=tmp_path / "full")


def test_resuming_after_the_last_epoch_has_nothing_left_to_do(
    unbroken: tuple[Path, list[EpochReport]],
) -> None:
    _, reports = unbroken
    assert run(LONGER, resume_from=reports[-1].checkpoint) == []


def test_a_checkpoint_of_another_job_is_refused(unbroken: tuple[Path, list[EpochReport]]) -> None:
    _, reports = unbroken
    with pytest.raises(CheckpointError, match=r"another search: lambda is 0.3, not 1.0; epochs is 4, not 2"):
        run(small_job(), resume_from=reports[0].checkpoint)
    with pytest.raises(CheckpointError, match="another search: settings is"):
        run(small_job(0.3, 4, width=0.5), resume_from=reports[0].checkpoint)
    with pytest.raises(CheckpointError, match=r"another search: hinge_target_ms is None, not 80.0"):
        run(small_job(0.3, 4, hinge_target_ms=80.0), resume_from=reports[0].checkpoint)


def test_a_stop_is_heard_within_a_step() -> None:
    asked = 0

    def stop_at_the_third() -> bool:
        nonlocal asked
        asked += 1
        return asked == 3

    assert not run_search(small_job(), on_epoch=lambda _: pytest.fail("no"), should_stop=stop_at_the_third)
    assert asked == 3


def test_global_state_is_left_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    numpy_before = np.random.get_state(legacy=False)
    torch.set_num_threads(2)
    try:
        run(small_job(epochs=1), threads=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert torch.equal(torch.get_rng_state(), before)
    assert str(np.random.get_state(legacy=False)) == str(numpy_before)
    assert torch.tensor(1e-40).mul(1.0).item() > 0


def test_lambda_acts_after_the_warm_up_and_moves_the_runtime_from_one_end_to_the_other() -> None:
    platform = load_platform("pixel1")
    low, high = (run(small_job(lambda_, epochs=4)) for lambda_ in (0.001, 30.0))
    assert comparable(low)[:2] == comparable(high)[:2]
    assert low[3].runtime_ms > 0.9 * platform.max_ms
    assert high[3].runtime_ms < 1.2 * platform.min_ms


def test_a_target_that_is_already_met_makes_lambda_irrelevant() -> None:
    lax, strict = (run(small_job(lambda_, hinge_target_ms=1e5)) for lambda_ in (0.1, 50.0))
    assert comparable(lax) == comparable(strict)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lambda_": 1e300, "warm_up": 0.0}, r"loss .* finite in epoch 1, step 1 of 4, at lambda 1e\+300"),
        ({"learning_rate": 10.0, "epochs": 4}, r"no longer finite .* epoch \d.* at lambda 1$"),
    ],
)
def test_a_search_that_diverges_says_where(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DivergedError, match=message):
        run(small_job(**options))


def test_unfit_settings_are_refused() -> None:
    with pytest.raises(SearchError, match="batch_size is 100, but there are only 32 training images"):
        run(small_job(batch_size=100))
    with pytest.raises(UnknownNameError, match="unknown dataset 'imagenet'"):
        run(small_job(dataset="imagenet"))


@pytest.mark.parametrize(
    "settings",
    [
        {"gate_placement": "kernel"},
        {"runtime_form": "paper"},
        {"label_smoothing": 0.1},
        {"image_size": 12},
        {"width": 0.5},
        {"weight_decay": 0.1},
        {"gate_keep_probability": 0.5},
        {"ema_decay": 0.9},
        {"precision": "bfloat16"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_every_setting_has_an_effect(settings: dict[str, Any], plain: list[EpochReport]) -> None:
    changed = run(small_job(**settings))
    assert comparable(changed) != comparable(plain)
    assert all(math.isfinite(report.cross_entropy) for report in changed)


@pytest.mark.parametrize("settings", [{"ema_decay": 0.9}, {"precision": "bfloat16"}], ids=["ema", "bfloat16"])
def test_averaged_and_bfloat16_searches_are_resumed_bit_equal(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    job = small_job(**settings)
    unbroken = run(job, checkpoint_dir=tmp_path)
    resumed = run(job, resume_from=unbroken[0].checkpoint)
    assert comparable(resumed) == comparable(unbroken)[1:]


def test_an_average_without_memory_is_the_last_weights(plain: list[EpochReport]) -> None:
    assert comparable(run(small_job(ema_decay=0.0))) == comparable(plain)


def test_settings_that_are_not_used_are_not_stored() -> None:
    stored = small_job().settings.model_dump(mode="json")
    assert not {"ema_decay", "precision", "candidate_epochs"} & stored.keys()
    assert small_job(precision="float32").settings.model_dump()["precision"] == "float32"


@pytest.mark.parametrize("formulation", ["single_path_sigmoid", "multi_path_softmax"])
def test_set_up_uses_the_threads_that_it_is_given(formulation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def counted(*args: Any) -> Any:
        counts.append(torch.get_num_threads())
        return training_sources(*args)

    monkeypatch.setattr("nas_worker.search_data.training_sources", counted)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run(small_job(epochs=1, formulation=formulation), threads=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert counts == [1]
