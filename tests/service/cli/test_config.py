import json
from pathlib import Path

import pytest

from service.cli.settings import effective_settings
from tests.service.cli.conftest import run_cli


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with nothing in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sources(env: dict[str, str]) -> dict[str, dict[str, object]]:
    result = run_cli(["config", "show", "--json"], env=env)
    assert result.exit_code == 0, result.output
    document: dict[str, dict[str, object]] = json.loads(result.stdout)
    return document


def test_flags_win_over_the_environment_over_the_file_over_defaults(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert effective_settings().port == 8080
    (folder / "spnas.toml").write_text('port = 1000\nhost = "::1"\n')
    assert effective_settings().port == 1000
    monkeypatch.setenv("SPNAS_PORT", "2000")
    assert effective_settings().port == 2000
    settings = effective_settings({"port": 3000})
    assert (settings.port, settings.host) == (3000, "::1")


def test_show_says_where_each_setting_comes_from(folder: Path) -> None:
    (folder / "mine.toml").write_text('host = "::1"\nport = 1\nray_address = "10.0.0.1:6379"\n')
    shown = sources({"SPNAS_CONFIG": "mine.toml", "SPNAS_PORT": "2000"})
    assert shown["port"] == {"value": 2000, "source": "environment, SPNAS_PORT"}
    assert shown["host"] == {"value": "::1", "source": "mine.toml"}
    assert shown["ray_address"] == {"value": "10.0.0.1:6379", "source": "mine.toml"}
    assert shown["dispatcher"] == {"value": True, "source": "default"}


def test_the_service_is_named_by_the_file_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "spnas.toml").write_text('server = "http://127.0.0.1:9"\n')
    assert "no service answers at http://127.0.0.1:9" in run_cli(["study", "list"], env={}).stderr
    elsewhere = {"SPNAS_SERVER": "http://127.0.0.1:7"}
    assert "no service answers at http://127.0.0.1:7" in run_cli(["study", "list"], env=elsewhere).stderr
    flag = ["study", "list", "--server", "http://127.0.0.1:2"]
    assert "no service answers at http://127.0.0.1:2" in run_cli(flag, env=elsewhere).stderr
    assert sources(elsewhere)["server"]["source"] == "environment, SPNAS_SERVER"
    result = run_cli(["study", "list"], env={"SPNAS_SERVER": "nonsense"})
    assert (result.exit_code, result.stderr.startswith("error: server: ")) == (2, True)


def test_the_variable_that_was_used_is_named() -> None:
    assert sources({"RAY_ADDRESS": "10.0.0.1:6379"})["ray_address"]["source"] == "environment, RAY_ADDRESS"


def test_a_password_is_not_shown() -> None:
    url = "postgresql+psycopg://spnas:hush@db/spnas"
    result = run_cli(["config", "show"], env={"SPNAS_DATABASE_URL": url})
    assert "hush" not in result.output
    assert "postgresql+psycopg://spnas:***@db/spnas" in result.stdout


def test_variables_of_workers_are_shown_without_their_values() -> None:
    env = {"RAY_ADDRESS": "10.0.0.1:6379", "SPNAS_RAY_RUNTIME_ENV": '{"env_vars": {"AWS_SECRET": "hush"}}'}
    assert sources(env)["ray_runtime_env"]["value"] == {"env_vars": {"AWS_SECRET": "***"}}


@pytest.mark.parametrize(
    ("content", "says"),
    [("port = ", "spnas.toml: "), ("prot = 1\n", "prot: "), ('port = "many"\n', "port: ")],
)
def test_a_bad_file_is_a_usage_error(folder: Path, content: str, says: str) -> None:
    (folder / "spnas.toml").write_text(content)
    for line in (["config", "show"], ["serve"], ["study", "list"]):
        result = run_cli(line, env={})
        assert result.exit_code == 2, result.output
        assert says in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_a_file_that_is_named_must_exist() -> None:
    result = run_cli(["config", "show"], env={"SPNAS_CONFIG": "missing.toml"})
    assert result.exit_code == 2
    assert "missing.toml" in result.stderr
