import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nas_worker.export.document import ArchitectureDocument
from nas_worker.space import Architecture, LayerType
from nas_worker.training.report import TrainingReport
from tests.service.cli.conftest import Run, run_cli

TINY = ("--epochs", "1", "--width", "0.1", "--batch-size", "32", "--threads", "1")
SHORT = ("--set", "max_train_images=64")


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.json"
    document = ArchitectureDocument.of(Architecture.uniform(LayerType(3, 3, 0.0)))
    path.write_text(document.to_json())
    return path


def test_a_document_is_trained_and_its_weights_exported(net: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = run_cli(["train", str(net), *TINY, *SHORT, "--out", str(out), "--json"], env={})
    assert result.exit_code == 0, result.output
    report = TrainingReport.model_validate_json(result.stdout)
    assert "epoch 1/1: validation top-1 " in result.stderr
    assert report.document is not None
    line = ["export", report.document, "--weights", report.weights, "-o", str(tmp_path / "net.pt2")]
    exported = run_cli(line, env={})
    assert exported.exit_code == 0, exported.output
    assert f"those of {report.weights}" in exported.stderr
    again = run_cli(["train", str(net), *TINY, *SHORT, "--out", str(out)], env={})
    assert again.exit_code == 0, again.output
    assert "goes on after epoch 1 of 1" in again.stderr
    assert "ms on pixel1, at full size" in again.stdout


@pytest.mark.parametrize("name", ["mobilenet-v2", "mnasnet-b1", "single-path-nas"])
def test_baselines_have_a_folder_of_their_own(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run_cli(["train", name, *TINY, *SHORT], env={})
    assert result.exit_code == 0, result.output
    assert (tmp_path / "spnas-train" / f"{name}-digits" / "weights.pt").exists()
    assert ("ms on pixel1" in result.stdout) == (name != "mobilenet-v2")


def test_a_studys_best_trial_is_trained(run: Run, study_id: str, tmp_path: Path) -> None:
    result = run("train", study_id, *TINY, *SHORT, "--out", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert f"of study {study_id}" in result.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("net.yaml",), "SOURCE"),
        (("missing.json",), "missing.json: No such file"),
        (("mnasnet-b1", "--trial", "1"), "--trial"),
        (("mnasnet-b1", "--device", "tpu"), "--device"),
        (("mnasnet-b1", "--width", "-1"), "width: "),
        (("mnasnet-b1", "--set", "depth=3"), "depth: "),
        (("mnasnet-b1", "--augmentation", "mixup"), "augmentation: "),
        (("mnasnet-b1", "--dataset", "nonsense"), "known: digits, hub:NAME, imagefolder:PATH"),
        (("mnasnet-b1", "--dataset", "imagefolder:nowhere"), "there is no folder nowhere"),
    ],
)
def test_bad_input_is_one_clear_line(
    words: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run_cli(["train", *words], env={})
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_another_training_in_the_folder_is_refused(tmp_path: Path) -> None:
    line = ["train", "mnasnet-b1", *TINY, *SHORT, "--out", str(tmp_path)]
    assert run_cli(line, env={}).exit_code == 0
    refused = run_cli([*line, "--seed", "1"], env={})
    assert refused.exit_code == 1
    assert "is of another training: seed is 0, not 1" in refused.stderr


def test_one_that_is_interrupted_in_its_set_up_does_not_count_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ["train", "mnasnet-b1", *TINY, *SHORT, "--out", str(tmp_path)]
    assert run_cli(line, env={}).exit_code == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nas_worker.training.run.Trainer", interrupted)
    stopped = run_cli(line, env={})
    assert stopped.exit_code == 130
    assert f"stopped before it began; nothing in {tmp_path} has changed." in stopped.stderr
    assert "epochs are kept" not in stopped.stderr
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_interrupted_training_says_how_to_go_on(tmp_path: Path) -> None:
    line = ["train", "mnasnet-b1", *TINY, "--epochs", "1000", *SHORT, "--out", str(tmp_path)]
    command = [sys.executable, "-c", "from service.cli import main; main()", *line]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    ) as process:
        assert process.stderr is not None
        for text in process.stderr:
            if text.startswith("epoch 2/"):
                break
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"of 1000 epochs are kept in {tmp_path}." in errors
    assert "The same command goes on after them." in errors
    assert (tmp_path / "epoch-2-attempt-1.pt").exists() or len(list(tmp_path.glob("epoch-*.pt"))) == 2
