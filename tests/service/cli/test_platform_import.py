from pathlib import Path

import pytest

from nas_worker.platform import Platform, load_platform
from nas_worker.space import MBCONV_TYPES, SEARCHABLE
from tests.service.cli.conftest import Run, run_cli

PIXEL1 = load_platform("pixel1")


def phone_csv(folder: Path, scale: float = 1000.0) -> Path:
    """What a phone gave: the Pixel 1's runtimes in microseconds."""
    rows = [f"base,,{scale * PIXEL1.base_ms}"]
    rows += [f"{i},{each},{scale * PIXEL1.layer_ms(i, each)}" for i in SEARCHABLE for each in MBCONV_TYPES]
    file = folder / "phone.csv"
    file.write_text("\n".join(["layer,type,runtime", *rows, ""]))
    return file


def take_in(file: Path, out: Path, *more: str) -> list[str]:
    return ["platform", "import", str(file), "--out", str(out), *more]


def test_a_phones_profile_becomes_a_platform_of_the_service(tmp_path: Path, run: Run) -> None:
    out = tmp_path / "my-phone.json"
    result = run_cli(take_in(phone_csv(tmp_path), out, "--units", "us", "--json"), env={})
    assert result.exit_code == 0, result.output
    platform = Platform.from_json(result.stdout)
    assert platform == Platform.from_json(out.read_text())
    assert (platform.name, "phone.csv" in platform.source) == ("my-phone", True)
    assert platform.max_ms == pytest.approx(PIXEL1.max_ms)
    assert run("platform", "add", str(out)).exit_code == 0
    assert "my-phone" in run("platform", "list").stdout


def test_what_looks_odd_is_warned_of_and_taken(tmp_path: Path) -> None:
    file = phone_csv(tmp_path)
    fast = 1000 * PIXEL1.layer_ms(3, MBCONV_TYPES[0]) * 0.9
    lines = [f"3,5x5-3-0,{fast}" if row.startswith("3,5x5-3-0,") else row for row in file.read_text().split()]
    file.write_text("\n".join(lines))
    result = run_cli(take_in(file, tmp_path / "out.json", "--units", "us"), env={})
    assert result.exit_code == 0
    assert "warning: layer 3: 5x5-3-0 (3.08 ms) is faster than 3x3-3-0 (3.422 ms)" in result.stderr


@pytest.mark.parametrize(
    ("scale", "units", "says"),
    [
        (0.001, "ms", "--units s would make that"),
        (1.0, "s", "--units ms would make that"),
        (1.0, "minutes", "--units"),
        (float("nan"), "ms", "expected a runtime above 0; got 'nan'"),
        (-1.0, "ms", "expected a runtime above 0"),
    ],
)
def test_a_bad_profile_leaves_nothing_behind(tmp_path: Path, scale: float, units: str, says: str) -> None:
    file = phone_csv(tmp_path, scale)
    result = run_cli(take_in(file, tmp_path / "out.json", "--units", units), env={})
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["phone.csv"]


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    out.write_text("mine")
    result = run_cli(take_in(phone_csv(tmp_path), out, "--units", "us"), env={})
    assert (result.exit_code, out.read_text()) == (2, "mine")


@pytest.mark.parametrize(
    ("name", "more", "says"),
    [
        ("missing.csv", (), "missing.csv: No such file"),
        ("phone.xlsx", (), "expected a .csv or .json file"),
        ("phone.csv", ("--se-factors-from", "nokia3310"), "pixel1"),
        ("phone.csv", ("--name", "A B"), "no name of a platform"),
    ],
)
def test_bad_arguments_are_usage_errors(tmp_path: Path, name: str, more: tuple[str, ...], says: str) -> None:
    (tmp_path / "phone.xlsx").write_bytes(phone_csv(tmp_path).read_bytes())
    result = run_cli(take_in(tmp_path / name, tmp_path / "out.json", "--units", "us", *more), env={})
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert not (tmp_path / "out.json").exists()


def test_units_must_be_stated(tmp_path: Path) -> None:
    result = run_cli(take_in(phone_csv(tmp_path), tmp_path / "out.json"), env={})
    assert result.exit_code == 2
    assert "--units" in result.stderr
