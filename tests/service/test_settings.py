from pathlib import Path

import pytest
from pydantic import ValidationError

from service.settings import Settings


def test_the_defaults_are_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SPNAS_DATABASE_URL", "RAY_ADDRESS", "SPNAS_RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings()
    assert settings.is_loopback
    assert settings.ray_address is None
    assert settings.effective_database_url == f"sqlite:///{tmp_path}/spnas-data/spnas.db"
    assert settings.effective_checkpoint_dir == str(tmp_path / "spnas-data" / "checkpoints")


def test_the_environment_sets_what_arguments_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPNAS_PORT", "9000")
    monkeypatch.setenv("SPNAS_DATABASE_URL", "postgresql://db/spnas")
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    settings = Settings()
    assert (settings.port, settings.effective_database_url) == (9000, "postgresql://db/spnas")
    assert settings.ray_address == "10.0.0.1:6379"
    monkeypatch.setenv("SPNAS_RAY_ADDRESS", "10.0.0.2:6379")
    assert Settings().ray_address == "10.0.0.2:6379"
    assert Settings(ray_address="10.0.0.3:6379").ray_address == "10.0.0.3:6379"
    assert Settings(port=9001).port == 9001


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="port"):
        Settings(port=70_000)


def test_names_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().effective_hosts == {"127.0.0.1", "::1", "localhost"}
    assert Settings(host="0.0.0.0").effective_hosts == frozenset()
    monkeypatch.setenv("SPNAS_ALLOWED_HOSTS", "spnas.example, localhost")
    assert Settings().effective_hosts == {"spnas.example", "localhost"}
    assert Settings(host="0.0.0.0").effective_hosts == {"spnas.example", "localhost"}


def test_checkpoints_may_lie_behind_a_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPNAS_CHECKPOINT_DIR", "memory://spnas/checkpoints/")
    assert Settings().effective_checkpoint_dir == "memory://spnas/checkpoints"
    assert Settings(checkpoint_dir="here").effective_checkpoint_dir == str(tmp_path / "here")
    with pytest.raises(ValidationError, match="no storage that fsspec knows"):
        Settings(checkpoint_dir="nothing://bucket")


def test_a_runtime_env_is_json_and_needs_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPNAS_RAY_ADDRESS", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPNAS_RAY_RUNTIME_ENV", '{"py_modules": ["s3://bucket/nas_worker.whl"]}')
    with pytest.raises(ValidationError, match="ray_address names none"):
        Settings()
    settings = Settings(ray_address="10.0.0.1:6379")
    assert settings.ray_runtime_env == {"py_modules": ["s3://bucket/nas_worker.whl"]}
