from pathlib import Path

import pytest

from nas_worker.platform import load_platform
from service.cli.commands.search import SearchResult
from solver.reward import reward
from tests.service.cli.conftest import run_cli

TINY = ("--set", "width=0.1", "--set", "batch_size=128")


def test_a_search_prints_the_network_that_it_found(tmp_path: Path) -> None:
    platform = tmp_path / "mine.json"
    platform.write_text(load_platform("pixel1").to_json())
    line = ["search", "--lambda", "1", "--epochs", "1", "--target", "80", "--platform", str(platform), *TINY]
    result = run_cli([*line, "--json"], env={})
    assert result.exit_code == 0, result.output
    found = SearchResult.model_validate_json(result.stdout)
    assert len(found.architecture) == 20
    assert found.reward == reward(found.accuracy, found.runtime_ms, 80)
    assert [epoch.epoch for epoch in found.epochs] == [1]
    assert result.stderr.startswith("epoch 1/1: accuracy ")


def test_a_search_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    line = ["search", "--lambda", "0.5", "--epochs", "2", "--checkpoint-dir", str(tmp_path), *TINY]
    whole = run_cli([*line, "--json"], env={})
    assert whole.exit_code == 0, whole.output
    (first,) = tmp_path.glob("epoch-1-*")
    rest = run_cli([*line, "--resume-from", str(first)], env={})
    assert rest.exit_code == 0, rest.output
    assert rest.stderr.splitlines()[0].startswith("epoch 2/2: ")
    found = SearchResult.model_validate_json(whole.stdout)
    assert f"{found.runtime_ms:.1f} ms" in rest.stdout
    (last,) = tmp_path.glob("epoch-2-*")
    assert run_cli([*line, "--resume-from", str(last)], env={}).exit_code == 2


@pytest.mark.parametrize(
    "formulation",
    [
        ("--set", "formulation=single_path_softmax"),
        ("--set", "formulation=random_rejection", "--set", "runtime_window_ms=[75, 80]"),
    ],
    ids=" ".join,
)
def test_another_formulation_is_a_setting(formulation: tuple[str, ...]) -> None:
    result = run_cli(["search", "--lambda", "1", "--epochs", "1", "--json", *TINY, *formulation], env={})
    assert result.exit_code == 0, result.output
    assert len(SearchResult.model_validate_json(result.stdout).architecture) == 20


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--platform", "nokia3310"), "pixel1"),
        (("--platform", "missing.json"), "missing.json"),
        (("--dataset", "nonsense"), "digits"),
        (("--set", "width=-1"), "width: "),
        (("--set", "depth=3"), "depth: "),
        (("--set", "formulation=random_rejection"), "runtime_window_ms: must be two runtimes"),
        (("--target", "0"), "--target"),
        (("--lambda", "-1"), "--lambda"),
    ],
)
def test_bad_settings_are_usage_errors(flags: tuple[str, ...], says: str) -> None:
    result = run_cli(["search", "--lambda", "1", "--epochs", "1", *flags], env={})
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_landing_with_a_formulation_without_thresholds_is_refused() -> None:
    flags = ["--hinge-target", "80", "--set", "formulation=multi_path_softmax"]
    result = run_cli(["search", "--lambda", "1", "--epochs", "1", *flags], env={})
    assert (result.exit_code, result.stdout) == (1, "")
    assert "hinge_target_ms) needs gates with thresholds" in result.stderr


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    file = tmp_path / "epoch-1.pt"
    file.write_bytes(b"nonsense")
    result = run_cli(["search", "--lambda", "1", "--epochs", "2", "--resume-from", str(file), *TINY], env={})
    assert result.exit_code == 1
    assert str(file) in result.stderr
