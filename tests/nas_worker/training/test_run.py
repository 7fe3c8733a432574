import math
from pathlib import Path
from typing import Any

import pytest
import torch

from nas_worker.checkpoint import read_checkpoint, save_checkpoint
from nas_worker.data import load_dataset
from nas_worker.errors import DivergedError, OtherRunError, SearchError
from nas_worker.export.weights import convnet_of_state
from nas_worker.space import Architecture, LayerType, MacroArchitecture
from nas_worker.training.report import TrainedEpoch, TrainingReport
from nas_worker.training.run import Observer, run_training
from nas_worker.training.settings import TrainSettings
from nas_worker.training.trainer import Trainer
from tests.nas_worker.sources.folders import class_folders

CPU = torch.device("cpu")
NET = Architecture.uniform(LayerType(3, 3, 0.25))


def settings(**values: Any) -> TrainSettings:
    defaults = {"epochs": 3, "width": 0.1, "batch_size": 16, "max_train_images": 48, "learning_rate": 0.05}
    return TrainSettings(**{**defaults, **values})


def trained(
    folder: Path, architecture: Architecture | None = NET, observer: Observer | None = None, **values: Any
) -> TrainingReport:
    return run_training(
        architecture, settings(**values), folder, device=CPU, threads=1, observer=observer or Observer()
    )


def comparable(report: TrainingReport) -> dict[str, Any]:
    untimed = [epoch.model_copy(update={"seconds": 0, "images_per_second": 0}) for epoch in report.epochs]
    return report.model_dump(exclude={"epochs", "weights", "document"}) | {"epochs": untimed}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingReport]:
    folder = tmp_path_factory.mktemp("unbroken")
    return folder, trained(folder)


class StoppedError(Exception):
    pass


def stopping_in(epoch: int) -> Observer:
    def on_step(current: int, step: int, _: torch.Tensor) -> None:
        if (current, step) == (epoch, 2):
            raise StoppedError

    return Observer(on_step=on_step)


@pytest.mark.parametrize("epoch", [2, 3])
def test_the_same_call_goes_on_and_ends_bit_equal(
    epoch: int, unbroken: tuple[Path, TrainingReport], tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        trained(tmp_path, observer=stopping_in(epoch))
    started: list[int] = []
    report = trained(tmp_path, observer=Observer(on_start=lambda done, _: started.append(done)))
    assert started == [epoch - 1]
    folder, expected = unbroken
    assert comparable(report) == comparable(expected)
    (last,), (other,) = tmp_path.glob("epoch-3-*"), folder.glob("epoch-3-*")
    for part in ("network", "average", "optimizer"):
        torch.testing.assert_close(
            read_checkpoint(last)["state"][part], read_checkpoint(other)["state"][part], rtol=0, atol=0
        )


def test_a_complete_folder_has_weights_architecture_report_and_events(
    unbroken: tuple[Path, TrainingReport],
) -> None:
    folder, report = unbroken
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("events"))
    assert names == ["epoch-2-attempt-1.pt", "epoch-3-attempt-1.pt", "net.json", "report.json", "weights.pt"]
    assert next(folder.glob("events*")).stat().st_size > 500
    assert TrainingReport.model_validate_json((folder / "report.json").read_text()) == report
    convnet = convnet_of_state(folder / "weights.pt", MacroArchitecture(0.1, 8, 1, 10), NET)
    images = load_dataset("digits").train.images[:48]
    assert (report.mean[0], report.scale[0]) == pytest.approx((images.mean(), images.std(ddof=1)), rel=1e-5)
    assert report.parameters == sum(parameter.numel() for parameter in convnet.parameters())


def test_a_complete_training_is_not_run_again(unbroken: tuple[Path, TrainingReport]) -> None:
    folder, report = unbroken

    def fail(_: TrainedEpoch) -> None:
        pytest.fail("an epoch was run again")

    assert trained(folder, observer=Observer(on_epoch=fail)) == report


def test_another_training_is_refused_with_what_differs(unbroken: tuple[Path, TrainingReport]) -> None:
    folder, _ = unbroken
    before = {path: path.read_bytes() for path in folder.glob("*.pt")}
    with pytest.raises(OtherRunError, match=r"is of another training: epochs is 3, not 4"):
        trained(folder, epochs=4)
    with pytest.raises(OtherRunError, match=r"another training: architecture is \['3x3-3"):
        trained(folder, architecture=None)
    assert {path: path.read_bytes() for path in folder.glob("*.pt")} == before


def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(
    unbroken: tuple[Path, TrainingReport], tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        trained(tmp_path, observer=stopping_in(3))
    newest = tmp_path / "epoch-2-attempt-1.pt"
    newest.write_bytes(newest.read_bytes()[:-100])
    warnings: list[str] = []
    report = trained(tmp_path, observer=Observer(on_warning=warnings.append))
    assert len(warnings) == 1
    assert "epoch-2-attempt-1.pt is damaged" in warnings[0]
    assert comparable(report) == comparable(unbroken[1])


def spoil(path: Path, part: str) -> None:
    """Leaves a sound checkpoint of a version whose ``part`` was another; what comes before it fits."""
    content = read_checkpoint(path)
    state: dict[str, Any] = content["state"] | {
        part: {} if part == "optimizer" else {"other.weight": torch.zeros(1)}
    }
    if part == "epochs":
        state["epochs"] = [{"epoch": "first"}]

    class Other:
        identity = content["identity"]

        def state_dict(self) -> dict[str, Any]:
            return state

        def load_state_dict(self, _: dict[str, Any]) -> None:
            raise AssertionError

    save_checkpoint(path, Other(), content["epoch"])


@pytest.mark.parametrize("part", ["network", "average", "optimizer", "epochs"])
@pytest.mark.parametrize("spoilt", [1, 2])
def test_nothing_of_a_checkpoint_that_does_not_fit_is_taken_over(
    part: str, spoilt: int, unbroken: tuple[Path, TrainingReport], tmp_path: Path
) -> None:
    with pytest.raises(StoppedError):
        trained(tmp_path, observer=stopping_in(3))
    for epoch in range(3 - spoilt, 3):
        spoil(tmp_path / f"epoch-{epoch}-attempt-1.pt", part)
    warnings: list[str] = []
    started: list[int] = []
    observer = Observer(on_start=lambda done, _: started.append(done), on_warning=warnings.append)
    assert comparable(trained(tmp_path, observer=observer)) == comparable(unbroken[1])
    assert started == [2 - spoilt]
    assert len(warnings) == spoilt
    assert all("does not fit this version" in warning for warning in warnings)


def test_set_up_uses_the_threads_that_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def counted(*args: Any) -> Trainer:
        counts.append(torch.get_num_threads())
        return Trainer(*args)

    monkeypatch.setattr("nas_worker.training.run.Trainer", counted)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run_training(NET, settings(epochs=1), tmp_path, device=CPU, threads=1, observer=Observer())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert counts == [1]


def test_a_full_disk_says_what_is_kept(tmp_path: Path) -> None:
    (tmp_path / "epoch-2-attempt-1.pt.partial").symlink_to("/dev/full")
    with pytest.raises(SearchError, match=r"cannot be written: No space left on device; .* the same command"):
        trained(tmp_path)
    assert [path.name for path in tmp_path.glob("epoch-*.pt")] == ["epoch-1-attempt-1.pt"]


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    trainer = Trainer(NET, settings(), CPU)
    torch.nn.init.constant_(trainer.network.classifier.weight, math.nan)
    with pytest.raises(DivergedError, match="the loss is no longer finite in epoch 2; lower"):
        trainer.train(2)


def test_unfit_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="batch_size is 64, but there are only 48 training images"):
        trained(tmp_path, batch_size=64)


@pytest.mark.parametrize(
    "values",
    [
        {"dropout": 0.0},
        {"label_smoothing": 0.0},
        {"weight_decay": 0.1},
        {"image_size": 12},
        {"width": 0.5},
        {"precision": "bfloat16"},
        {"seed": 1},
    ],
    ids=lambda values: next(iter(values)),
)
def test_every_setting_changes_the_training(
    values: dict[str, Any], unbroken: tuple[Path, TrainingReport], tmp_path: Path
) -> None:
    losses = [epoch.loss for epoch in trained(tmp_path, epochs=1, **values).epochs]
    assert all(map(math.isfinite, losses))
    plain = [epoch.loss for epoch in trained(tmp_path / "plain", epochs=1).epochs]
    assert losses != plain


def test_what_is_evaluated_is_the_average() -> None:
    trainer = Trainer(NET, settings(), CPU)
    start = trainer.network.classifier.weight.detach().clone()
    trainer.train(1)
    averaged, last = trainer.average.classifier.weight, trainer.network.classifier.weight
    assert not torch.equal(averaged, last)
    assert (averaged - last).norm() < (start - last).norm()
    none = Trainer(NET, settings(ema_decay=0.0), CPU)
    none.train(1)
    assert torch.equal(none.average.classifier.weight, none.network.classifier.weight)


@pytest.mark.slow
def test_it_learns_digits_and_tells_a_test_accuracy(tmp_path: Path) -> None:
    report = trained(
        tmp_path, epochs=8, width=0.25, max_train_images=None, batch_size=32, learning_rate=0.016
    )
    assert report.epochs[-1].validation.top1 > 0.8
    assert report.test.top1 > 0.8
    assert report.test.top5 is not None
    assert report.test.top5 > report.test.top1


def test_mobilenet_v2_is_trained_on_a_folder_of_images(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "images", 12)
    report = trained(tmp_path / "run", None, epochs=2, dataset=f"imagefolder:{folder}", batch_size=8)
    assert report.document is None
    assert report.test.top5 is None
    again = trained(tmp_path / "again", None, epochs=2, dataset=f"imagefolder:{folder}", batch_size=8)
    assert comparable(report) == comparable(again)
