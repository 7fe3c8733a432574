"""Settings of flags, of the environment and of a file, in this order of precedence."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    TomlConfigSettingsSource,
)
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from service.cli.errors import CliError, InvalidFieldsError
from service.cli.exit_codes import ExitCode
from service.settings import Settings

CONFIG_VARIABLE = "SPNAS_CONFIG"
DEFAULT_CONFIG = Path("spnas.toml")


class FileSettings(Settings):
    """Settings that also come from the file of :func:`config_file`, and those of the CLI alone."""

    server: str = Field(
        "", description="Service to talk to; empty: the one that listens here, else an embedded one."
    )

    @field_validator("server")
    @classmethod
    def _is_address(cls, server: str) -> str:
        if server and not server.startswith(("http://", "https://")):
            raise ValueError("must be an address such as http://HOST:8080")
        return server

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic calls it with all of them
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


def config_file() -> Path | None:
    """The file that ``SPNAS_CONFIG`` names, else ``spnas.toml`` in the working directory if it is there.

    Raises:
        CliError: The file that is named does not exist.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if not named:
        return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None
    path = Path(named)
    if not path.is_file():
        raise CliError(f"{CONFIG_VARIABLE}: there is no file {path}", ExitCode.USAGE)
    return path


def effective_settings(flags: Mapping[str, Any] | None = None) -> FileSettings:
    """The settings that hold.

    Raises:
        InvalidFieldsError: A value is not acceptable, or the file has a key that is no setting.
        CliError: The file is malformed or missing.
    """
    values = dict(flags or {})
    try:
        return FileSettings(**values)
    except tomllib.TOMLDecodeError as error:
        raise CliError(f"{config_file()}: {error}", ExitCode.USAGE) from error
    except ValidationError as error:
        raise InvalidFieldsError.of(error, values) from None


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that holds, and where it comes from."""

    name: str
    value: Any
    source: str


def settings_with_sources() -> list[Setting]:
    """Every setting as it holds without flags; passwords are hidden.

    Raises:
        InvalidFieldsError: See :func:`effective_settings`.
        CliError: See :func:`effective_settings`.
    """
    settings = effective_settings()
    path = config_file()
    of_file = {} if path is None else tomllib.loads(path.read_text(encoding="utf-8"))
    found = []
    for name, value in settings.model_dump(mode="json").items():
        variable = _variable(name)
        if variable is not None:
            source = f"environment, {variable}"
        else:
            source = str(path) if name in of_file else "default"
        found.append(Setting(name, _shown(name, value), source))
    return found


def _variable(name: str) -> str | None:
    """The environment variable that a setting is read from, or None."""
    alias = FileSettings.model_fields[name].validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [f"SPNAS_{name.upper()}"]
    there = {variable.upper() for variable in os.environ}
    return next((str(choice) for choice in choices if str(choice).upper() in there), None)


def _shown(name: str, value: Any) -> Any:
    """A setting's value without what it must not give away."""
    if name == "database_url":
        return without_password(value)
    if name == "ray_runtime_env" and value is not None and "env_vars" in value:
        return {**value, "env_vars": dict.fromkeys(value["env_vars"], "***")}
    return value


def without_password(database_url: str) -> str:
    """A database URL that can be shown."""
    try:
        return make_url(database_url).render_as_string(hide_password=True) if database_url else ""
    except ArgumentError:
        return "(malformed)"
