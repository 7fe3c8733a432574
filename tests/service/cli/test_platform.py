from nas_worker.platform import Platform, load_platform
from service.api.schemas import PlatformList
from tests.service.cli.conftest import Run


def test_list_shows_what_can_be_reached(run: Run) -> None:
    pixel1 = load_platform("pixel1")
    result = run("platform", "list")
    row = next(line for line in result.stdout.splitlines() if line.lstrip().startswith("pixel1"))
    assert row.split()[1:3] == [f"{pixel1.min_ms:.1f}", f"{pixel1.max_ms:.1f}"]
    assert "pixel1" in [
        info.name
        for info in PlatformList.model_validate_json(run("platform", "list", "--json").stdout).platforms
    ]


def test_show_has_a_row_for_each_layer(run: Run) -> None:
    rows = [line.split() for line in run("platform", "show", "pixel1").stdout.splitlines()]
    numbered = [row for row in rows if len(row) == 9 and row[0].isdigit()]
    assert [row[0] for row in numbered] == [str(layer) for layer in range(1, 21)]
    assert numbered[0][1] == f"{load_platform('pixel1').layers[1][0]:.2f}"
    assert numbered[0][2] == f"x{load_platform('pixel1').se_factors[1][0]:.2f}"


def test_json_is_a_platform_file(run: Run) -> None:
    assert Platform.from_json(run("platform", "show", "pixel1", "--json").stdout) == load_platform("pixel1")


def test_an_unknown_platform_is_not_found(run: Run) -> None:
    assert run("platform", "show", "nokia3310").exit_code == 3
