"""Architecture documents: a ConvNet as JSON, with a version, so that a reader knows what it reads."""

import json
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from nas_worker.errors import ArchitectureFormatError
from nas_worker.space import FULL_SIZE, Architecture, MacroArchitecture

FORMAT: Final = "spnas-architecture"
VERSION: Final = 1
SPACE: Final = "single-path-mbconv"
"""Name of the search space: 20 layers, 13 types (Sec. III-A)."""


class ArchitectureDocument(BaseModel):
    """One ConvNet.

    Attributes:
        width: Width multiplier.
        image_size: Side of the input images in pixels; it decides the strides.
        image_channels: Channels of the input images.
        classes: Outputs of the classifier.
        platform: For which ``runtime_ms`` holds.
        runtime_ms: Predicted runtime R (Eq. 11) of the architecture at full size (width 1, 224 x 224), in
            milliseconds; that is what a platform's table holds, whatever ``width`` and ``image_size`` are.
        architecture: Layer type of each of the 20 searchable layers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["spnas-architecture"] = FORMAT
    version: Literal[1] = VERSION
    space: Literal["single-path-mbconv"] = SPACE
    width: float = Field(FULL_SIZE.width, gt=0, le=2)
    image_size: int = Field(FULL_SIZE.image_size, ge=8, le=4096)
    image_channels: int = Field(FULL_SIZE.image_channels, ge=1, le=1024)
    classes: int = Field(FULL_SIZE.classes, ge=1, le=1_000_000)
    platform: str | None = None
    runtime_ms: float | None = Field(None, gt=0, allow_inf_nan=False)
    architecture: tuple[str, ...]

    @field_validator("architecture")
    @classmethod
    def _is_in_the_space(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        return Architecture.parse(texts).format()

    @model_validator(mode="after")
    def _runtime_is_of_a_platform(self) -> Self:
        if (self.platform is None) != (self.runtime_ms is None):
            raise ValueError("platform and runtime_ms belong together; one of them is missing")
        return self

    @classmethod
    def of(
        cls,
        architecture: Architecture,
        macro: MacroArchitecture = FULL_SIZE,
        platform: str | None = None,
        runtime_ms: float | None = None,
    ) -> Self:
        """The document of a ConvNet.

        Raises:
            ArchitectureFormatError: The values are outside what a document may hold.
        """
        values = {
            "width": macro.width,
            "image_size": macro.image_size,
            "image_channels": macro.image_channels,
            "classes": macro.classes,
            "platform": platform,
            "runtime_ms": runtime_ms,
            "architecture": architecture.format(),
        }
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ArchitectureFormatError(_problems(error)) from None

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """From the text of a document.

        Raises:
            ArchitectureFormatError: It is no JSON, of another format or version, or a field is wrong;
                each wrong field is named.
        """
        try:
            content = json.loads(text)
        except ValueError as error:  # also bytes that are no text
            raise ArchitectureFormatError(f"no JSON: {error}") from None
        _check_version(content)
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ArchitectureFormatError(_problems(error)) from None

    def to_json(self) -> str:
        """The text of a document; ``from_json`` gives an equal one."""
        return self.model_dump_json(indent=1)

    @property
    def layers(self) -> Architecture:
        """The architecture, parsed."""
        return Architecture.parse(self.architecture)

    @property
    def macro(self) -> MacroArchitecture:
        """The network around it."""
        return MacroArchitecture(self.width, self.image_size, self.image_channels, self.classes)


def _check_version(content: Any) -> None:
    if not isinstance(content, dict):
        raise ArchitectureFormatError(f"expected a JSON object; got {type(content).__name__}")
    for name, expected in (("format", FORMAT), ("version", VERSION), ("space", SPACE)):
        if content.get(name) != expected:
            found = repr(content[name]) if name in content else "missing"
            raise ArchitectureFormatError(f"{name} is {found}; this version reads {expected!r}")


def _problems(error: ValidationError) -> str:
    return "; ".join(
        ": ".join(filter(None, (".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, "))))
        for item in error.errors()
    )
