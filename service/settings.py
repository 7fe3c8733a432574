"""Settings of the service: environment variables ``SPNAS_*`` or keyword arguments, nothing else."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from nas_worker.storage import checked_location
from service.domain.signing import key_of

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _split(value: object) -> object:
    return (
        tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value
    )


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""In the environment separated by commas."""


class Settings(BaseSettings):
    """How the service runs. The defaults need nothing but this machine."""

    model_config = SettingsConfigDict(env_prefix="SPNAS_", frozen=True, extra="forbid", populate_by_name=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0: a free one.")
    insecure: bool = Field(False, description="Listen beyond this machine although nobody has to log in.")
    require_token: bool | None = Field(
        None, description="Whether access tokens are needed; none: when others than this machine can connect."
    )
    requests_per_minute: int = Field(3000, ge=1, description="What each access token may ask for.")
    allowed_hosts: Names = Field(
        (), description="Names in the address of the service; none: any, or on this machine its own."
    )
    cors_origins: Names = Field(
        (), description="Other sites whose pages may use the API, as in https://example.org; none: no other."
    )
    data_dir: Path = Field(Path("spnas-data"), description="Embedded database and checkpoints.")
    database_url: str = Field(
        "", description="SQLAlchemy URL, such as postgresql+psycopg://...; empty: SQLite in data_dir."
    )
    checkpoint_dir: str | None = Field(
        None,
        description="Trials' checkpoints, a folder or a URL such as s3://bucket/spnas; on a cluster storage "
        "that every node sees. None: in data_dir.",
    )
    dataset_roots: Names = Field(
        (),
        description="Folders that studies may take data sets from (imagefolder:, parquet:); none: no folder.",
    )
    allow_hub: bool = Field(
        False, description="Whether studies may download data sets from the Hugging Face hub (hub:)."
    )
    dispatcher: bool = Field(True, description="Whether this process runs trials, or serves the API only.")
    ray_address: str | None = Field(
        None,
        validation_alias=AliasChoices("SPNAS_RAY_ADDRESS", "RAY_ADDRESS"),
        description="Address of a Ray cluster; none: an embedded engine.",
    )
    ray_runtime_env: dict[str, Any] | None = Field(
        None,
        description="Ray's runtime_env for workers on the cluster, as JSON; none: what is on its nodes.",
    )
    embedded_cpus: int | None = Field(None, gt=0, description="CPU cores for embedded trials; none: all.")
    embedded_gpus: int | None = Field(None, ge=0, description="GPUs for embedded trials; none: all.")
    log_format: Literal["json", "text"] = Field("json", description="Logs for machines or for people.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Lowest level logged."
    )
    max_body_bytes: int = Field(1_000_000, gt=0, description="Longest request body that is read.")
    max_body_seconds: float = Field(
        30.0, gt=0, le=3600, description="How long a request body may take to arrive."
    )
    webhook_url: str = Field("", description="Told when a study has completed or failed; empty: nobody.")
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="Signs what is sent: whsec_ and random bytes in base64."
    )
    webhook_allow_private: bool = Field(
        False, description="Whether webhook_url may lead to this machine or a private network."
    )
    shutdown_seconds: int = Field(
        20, ge=1, description="How long open requests and trials may take to wind up."
    )

    @field_validator("checkpoint_dir")
    @classmethod
    def _is_on_a_storage(cls, location: str | None) -> str | None:
        return None if location is None else checked_location(location)

    @field_validator("webhook_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url:
            return url
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https"):
            raise ValueError("must begin with https:// or http://")
        try:
            host, port = parts.hostname or "", parts.port
            host.encode("idna")  # as the lookup of its address does: labels of 1 to 63 characters
        except ValueError as error:
            raise ValueError(f"must name a host, and a port from 1 to 65535 if any: {error}") from error
        if not host or port == 0 or any(character.isspace() for character in url):
            raise ValueError("must name a host, and a port from 1 to 65535 if any, without spaces")
        return url

    @model_validator(mode="after")
    def _runtime_env_is_for_a_cluster(self) -> Self:
        if self.ray_runtime_env is not None and self.ray_address is None:
            raise ValueError("ray_runtime_env is for workers on a cluster; ray_address names none")
        return self

    @model_validator(mode="after")
    def _webhook_is_signed(self) -> Self:
        if self.webhook_url:
            try:
                key_of(self.webhook_secret.get_secret_value())
            except ValueError as error:
                raise ValueError(f"webhook_secret {error}") from error
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return self.host in _LOOPBACK

    @property
    def needs_token(self) -> bool:
        """Whether callers must show an access token."""
        return (
            not self.is_loopback and not self.insecure if self.require_token is None else self.require_token
        )

    @property
    def effective_hosts(self) -> frozenset[str]:
        """Names in the address of the service, empty: any."""
        return frozenset(self.allowed_hosts) or (_LOOPBACK if self.is_loopback else frozenset())

    @property
    def effective_database_url(self) -> str:
        """The database, with the default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'spnas.db'}"

    @property
    def effective_checkpoint_dir(self) -> str:
        """The checkpoints' root, with the default filled in."""
        return self.checkpoint_dir or str((self.data_dir / "checkpoints").resolve())
