import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.cli import app
from service.database import prepared_engine
from service.db.store import Store
from service.settings import Settings


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The embedded database of these tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPNAS_DATABASE_URL", raising=False)
    monkeypatch.setenv("SPNAS_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["token", *arguments])


def as_json(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_a_token_that_is_made_opens_the_service(data_dir: Path) -> None:
    result = run("create", "CI", "--scope", "read")
    assert result.exit_code == 0, result.output
    secret = result.stdout.strip()
    engine = prepared_engine(Settings(data_dir=data_dir))
    record = Store(engine).tokens.authenticate(secret)
    engine.dispose()
    assert record is not None
    assert (record.name, record.scope) == ("CI", "read")


def test_the_list_has_no_secrets() -> None:
    secret = as_json("create", "CI", "--days", "90")["token"]
    listed = run("list")
    assert "CI" in listed.stdout
    assert secret.rpartition("_")[2] not in listed.output
    (token,) = as_json("list")["tokens"]
    assert token["token"] is None
    assert token["expires_at"] is not None


def test_a_revoked_token_stays_listed() -> None:
    token_id = as_json("create", "CI")["id"]
    assert as_json("revoke", token_id)["revoked_at"] is not None
    assert [token["id"] for token in as_json("list")["tokens"]] == [token_id]


@pytest.mark.parametrize(
    "arguments",
    [("create", ""), ("create", "x", "--scope", "root"), ("create", "x", "--days", "0"), ("revoke", "0")],
)
def test_what_is_refused(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == (3 if arguments[0] == "revoke" else 2)
    assert as_json("list")["tokens"] == []
