import json
from pathlib import Path

import pytest
import torch

from nas_worker.export.block_strings import decode_blocks, encode_blocks, encode_mnasnet_blocks
from nas_worker.export.document import ArchitectureDocument
from nas_worker.export.weights import fresh_convnet
from nas_worker.platform import load_platform
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.space import FULL_SIZE, Architecture, MacroArchitecture
from service.cli.commands.export import ExportResult
from tests.service.cli.conftest import Run, run_cli
from tests.service.live import Live
from tests.service.searches import ARCHITECTURE

PIXEL1 = load_platform("pixel1")
FOUND = Architecture.parse(ARCHITECTURE)
FOUND_MS = architecture_runtime_ms(PIXEL1, FOUND)
SMALL = Architecture.parse(
    ["3x3-3-0", "skip", "skip", "5x5-6-0.25"] + ["3x3-3-0", "skip", "skip", "skip"] * 4
)
SMALL_MACRO = MacroArchitecture(0.1, 8, 1, 3)


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """The document of a small network."""
    path = tmp_path / "net.json"
    path.write_text(ArchitectureDocument.of(SMALL, SMALL_MACRO).to_json())
    return path


def test_the_best_trial_of_a_study_is_exported_at_full_size(run: Run, study_id: str, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("net.json", "net.txt", "net.svg")]
    outputs = [word for file in files for word in ("-o", str(file))]
    result = run("export", study_id, *outputs)
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == [f"wrote {file}" for file in files]
    document = ArchitectureDocument.from_json(files[0].read_text())
    assert (document.layers, document.macro, document.platform) == (FOUND, FULL_SIZE, "pixel1")
    assert document.runtime_ms == pytest.approx(FOUND_MS)
    assert decode_blocks(files[1].read_text().split()) == FOUND
    assert f"trial 0 of study {study_id}: {FOUND_MS:.1f} ms on pixel1" in files[2].read_text()


def test_the_drawing_has_a_row_for_each_layer(run: Run, study_id: str) -> None:
    result = run("export", study_id, "--trial", "1")
    rows = [line.split() for line in result.stdout.splitlines()]
    numbered = {row[0]: row for row in rows if row and row[0].isdigit()}
    assert list(numbered) == [str(layer) for layer in range(22)]
    assert numbered["2"][1:8] == ["1", "5x5", "██████", "6", "0.25", "56x56", "24"]
    ms = PIXEL1.layer_ms(2, FOUND.layers[1])
    assert numbered["2"][8:10] == [f"{ms:.2f}", f"{ms / FOUND_MS:.1%}"]
    assert numbered["4"][1:4] == ["1", "-", "skip"]
    assert rows[-1][:3] == ["in", "all", f"{FOUND_MS:.2f}"]


def test_a_document_and_block_strings_say_the_same(net: Path) -> None:
    texts = net.with_suffix(".txt")
    first = run_cli(["export", str(net), "-o", str(texts), "--json"], env={})
    assert first.exit_code == 0, first.output
    assert texts.read_text().split() == list(encode_blocks(SMALL))
    second = run_cli(["export", str(texts), "--mnasnet", "-o", str(texts), "--json"], env={})
    assert texts.read_text().split() == list(encode_mnasnet_blocks(SMALL))
    found = [ExportResult.model_validate_json(result.stdout).architecture for result in (first, second)]
    assert [document.layers for document in found] == [SMALL, SMALL]
    assert [document.macro for document in found] == [SMALL_MACRO, FULL_SIZE]
    assert found[0].runtime_ms == found[1].runtime_ms == architecture_runtime_ms(PIXEL1, SMALL)


def test_a_network_is_written_with_the_weights_of_a_file(net: Path) -> None:
    weights, onnx = net.with_name("weights.pt"), net.with_name("net.onnx")
    torch.save(fresh_convnet(SMALL_MACRO, SMALL, 5).state_dict(), weights)
    result = run_cli(["export", str(net), "--weights", str(weights), "-o", str(onnx), "--json"], env={})
    assert result.exit_code == 0, result.output
    found = ExportResult.model_validate_json(result.stdout)
    assert found.weights == f"those of {weights}"
    (file,) = found.files
    assert file.bytes == onnx.stat().st_size
    assert file.max_abs_difference is not None
    assert file.max_abs_difference < 1e-4
    assert f"wrote {onnx}, max abs difference from torch " in result.stderr


def test_fresh_weights_are_said_to_be_fresh(net: Path) -> None:
    line = [
        "export",
        str(net),
        "--classes",
        "4",
        "--seed",
        "7",
        "-o",
        str(net.with_name("net.pt2")),
        "--json",
    ]
    result = run_cli(line, env={})
    assert result.exit_code == 0, result.output
    assert "weights: fresh, seed 7: to measure runtimes, not to classify" in result.stderr
    assert ExportResult.model_validate_json(result.stdout).architecture.classes == 4
    program = torch.export.load(net.with_name("net.pt2"))
    assert program.module()(torch.zeros(1, 1, 8, 8)).shape == (1, 4)


def test_a_checkpoint_brings_its_architecture_and_weights(tmp_path: Path) -> None:
    tiny = ("--set", "width=0.1", "--set", "batch_size=128", "--checkpoint-dir", str(tmp_path))
    searched = run_cli(["search", "--lambda", "1", "--epochs", "1", *tiny, "--json"], env={})
    assert searched.exit_code == 0, searched.output
    (checkpoint,) = tmp_path.glob("*.pt")
    line = ["export", str(checkpoint), "-o", str(tmp_path / "net.pt2"), "--json"]
    result = run_cli(line, env={})
    assert result.exit_code == 0, result.output
    found = ExportResult.model_validate_json(result.stdout)
    assert list(found.architecture.architecture) == json.loads(searched.stdout)["architecture"]
    assert found.architecture.macro == MacroArchitecture(0.1, 8, 1, 10)
    assert found.weights == f"inherited from the supernet of {checkpoint}"
    refused = run_cli([*line, "--width", "1"], env={})
    assert refused.exit_code == 2
    assert "leave out --width" in refused.stderr


def test_a_platform_that_is_not_shipped_is_named(net: Path) -> None:
    net.write_text(ArchitectureDocument.of(SMALL, FULL_SIZE, "mine", 55.5).to_json())
    result = run_cli(["export", str(net)], env={})
    assert result.exit_code == 0
    assert "platform mine is not shipped" in result.stderr
    assert "55.5 ms on mine" in result.stdout
    assert run_cli(["export", str(net), "--platform", "nokia3310"], env={}).exit_code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("net.yaml",), "SOURCE"),
        (("missing.json",), "missing.json: No such file"),
        (("missing.pt",), "missing.pt cannot be read"),
        (("net.json", "-o", "net.png"), "--output"),
        (("net.json", "-o", "nowhere/net.svg"), "there is no folder nowhere"),
        (("net.json", "--trial", "1"), "--trial"),
        (("net.json", "--weights", "w.pt"), "--weights"),
        (("net.json", "--weights", "w.pt", "-o", "net.pt2"), "w.pt cannot be read"),
        (("net.json", "--width", "9"), "width: "),
        (("bad.json",), "bad.json: version is 9; this version reads 1"),
        (("bad.txt",), "bad.txt: block 1, 'nonsense'"),
        (("state.pt",), "state.pt holds weights, and not of which architecture"),
    ],
)
def test_bad_input_is_one_clear_line(
    words: tuple[str, ...], says: str, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(net.parent)
    bad = json.loads(net.read_text()) | {"version": 9}
    Path("bad.json").write_text(json.dumps(bad))
    Path("bad.txt").write_text("nonsense\n")
    torch.save({}, "state.pt")
    result = run_cli(["export", *words], env={})
    assert result.exit_code in (1, 2)
    assert result.stdout == ""
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_studies_and_trials_that_are_not_there(run: Run, live: Live, study_id: str) -> None:
    assert run("export", "0000000000000000").exit_code == 3
    assert run("export", study_id, "--trial", "99").exit_code == 3
    running = run("export", study_id, "--trial", "2")
    assert running.exit_code == 1
    assert "has not completed" in running.stderr
    assert run("export", live.create(name="new")["id"]).exit_code == 3
