from pathlib import Path

import pytest

from nas_worker.platform import Platform
from nas_worker.profiling import measure as measure_module
from nas_worker.profiling.accuracy import accuracy_of_table
from nas_worker.profiling.measurements import Measurements
from service.cli.commands.platform_profile import ProfileResult, measurements_path
from tests.service.cli.conftest import Run, run_cli

SMALL = ("--clock", "cpu", "--image-size", "16", "--width", "0.25", "--rounds", "2", "--repeats", "1")


def line(out: Path, *more: str) -> list[str]:
    return ["platform", "profile", "--out", str(out), *SMALL, *more]


def test_a_profile_is_a_platform_that_a_study_can_be_on(tmp_path: Path, run: Run) -> None:
    out, html = tmp_path / "mine.json", tmp_path / "mine.html"
    result = run_cli(line(out, "--evaluate", "3", "--html", str(html), "--json"), env={})
    assert result.exit_code == 0, result.output
    found = ProfileResult.model_validate_json(result.stdout)
    platform = Platform.from_json(out.read_text())
    assert found.platform == platform.model_copy(update={"measured_convnets": ()})
    assert accuracy_of_table(platform) == found.accuracy
    assert (platform.name, platform.base_ms > 0) == ("mine", True)
    assert found.accuracy is not None
    assert len(found.accuracy.convnets) == 3
    assert "Latency model on mine" in html.read_text()
    assert "round 2 of 2" in result.stderr.splitlines()
    assert run("platform", "add", str(out)).exit_code == 0
    assert Platform.from_json(run("platform", "show", "mine", "--json").stdout) == platform
    target = (platform.min_ms + platform.max_ms) / 2
    created = run("study", "create", "--target", str(target), "--platform", "mine", "--no-watch")
    assert created.exit_code == 0, created.output


def test_the_same_command_goes_on_and_then_measures_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "mine.json"
    save = Measurements.save

    def interrupted(self: Measurements, path: Path) -> None:
        save(self, path)
        raise KeyboardInterrupt

    monkeypatch.setattr(Measurements, "save", interrupted)
    broken = run_cli(line(out), env={})
    assert broken.exit_code == 130
    assert f"finished rounds are kept in {measurements_path(out)}" in broken.stderr
    assert not out.exists()
    monkeypatch.undo()
    whole = run_cli(line(out), env={})
    assert whole.exit_code == 0, whole.output
    assert "goes on after round 1 of 2" in whole.stderr
    first = out.read_text()

    def never(*_: object, **__: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(measure_module, "measure", never)
    again = run_cli(line(out), env={})
    assert again.exit_code == 0, again.output
    assert "nothing is measured again" in again.stderr
    assert (again.stdout, out.read_text()) == (whole.stdout, first)


def test_other_settings_are_refused_and_change_nothing(tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    assert run_cli(line(out), env={}).exit_code == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    result = run_cli(line(out, "--batch", "2"), env={})
    assert result.exit_code == 2
    assert "batch size was 1, now 2" in result.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_that_was_not_measured_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    out.write_text("mine")
    result = run_cli(line(out), env={})
    assert (result.exit_code, out.read_text()) == (2, "mine")
    assert "is there already" in result.stderr


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--threads", "0"), "--threads"),
        (("--image-size", "4"), "--image-size"),
        (("--evaluate", "-1"), "--evaluate"),
        (("--backend", "tflite"), "onnxruntime"),
        (("--clock", "cpu", "--threads", "2"), "one thread"),
        (("--html", "x.html"), "--evaluate"),
        (("--name", "My Phone"), "no name of a platform"),
    ],
)
def test_bad_settings_are_usage_errors(tmp_path: Path, flags: tuple[str, ...], says: str) -> None:
    result = run_cli(line(tmp_path / "mine.json", *flags), env={})
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
