"""Latency table of a platform: what each layer type costs in each layer, in milliseconds."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from importlib import resources
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from nas_worker.errors import UnknownNameError
from nas_worker.space import FIXED_FIRST, FIXED_LAST, SEARCHABLE, Architecture, LayerType, allowed_types

Milliseconds = Annotated[float, Field(gt=0, lt=1e6, allow_inf_nan=False)]
Factor = Annotated[float, Field(gt=0, lt=1e3, allow_inf_nan=False)]

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,99}$"
COLUMNS = ("3x3-3", "3x3-6", "5x5-3", "5x5-6")
"""The profiled types without SE: the columns of ``layers`` and ``se_factors``."""


class WholeConvNet(BaseModel):
    """A random ConvNet whose runtime was measured end to end on the platform, to test its table (Fig. 4).

    Attributes:
        architecture: Its 20 searchable layers, in text form.
        measured_ms: Typical run, in milliseconds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: tuple[str, ...]
    measured_ms: Milliseconds

    @field_validator("architecture")
    @classmethod
    def _is_one(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        Architecture.parse(texts)
        return texts


class Platform(BaseModel):
    """An immutable latency table: base, MBConv types per layer, SE factors, and where the numbers come from.

    Attributes:
        name: Short name, lower case.
        unit: Always ``ms``, written out so that a file in other units does not pass unnoticed.
        source: Where the layer runtimes come from.
        base_ms: Constant part of R (Eq. 11): stem, fixed layers 0 and 21, head and classifier.
        base_note: What the base covers.
        columns: The columns of the two tables, see ``COLUMNS``.
        layers: Layer -> runtime of each column's type without SE, in milliseconds. Layers 1..20 are required.
            Those of 0 and 21 are kept when the profile has them, but never counted: the base holds them.
        se_factors: Layer 1..20 -> runtime with SE, of whatever ratio, over runtime without (Eq. 14).
        se_source: Where the factors come from.
        measured_convnets: Whole ConvNets that were measured beside the table but not fitted to.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME_PATTERN)
    unit: Literal["ms"]
    source: str = Field(min_length=1, max_length=10_000)
    base_ms: float = Field(ge=0, lt=1e6, allow_inf_nan=False)
    base_note: str = Field("", max_length=10_000)
    columns: tuple[Literal["3x3-3"], Literal["3x3-6"], Literal["5x5-3"], Literal["5x5-6"]]
    layers: Mapping[int, tuple[Milliseconds, Milliseconds, Milliseconds, Milliseconds]]
    se_factors: Mapping[int, tuple[Factor, Factor, Factor, Factor]]
    se_source: str = Field("", max_length=10_000)
    # Without any it is left out of the file: that stays readable for older versions.
    measured_convnets: tuple[WholeConvNet, ...] = Field(
        (), max_length=1000, exclude_if=lambda convnets: not convnets
    )

    @model_validator(mode="after")
    def _has_every_layer(self) -> Self:
        _check_layers("layers", self.layers, optional=(FIXED_FIRST, FIXED_LAST))
        _check_layers("se_factors", self.se_factors)
        return self

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """From the text of a platform file.

        Raises:
            pydantic.ValidationError: A ValueError that names each wrong or missing field or layer.
        """
        return cls.model_validate_json(text)

    def to_json(self) -> str:
        """The text of a platform file; ``from_json`` gives an equal platform."""
        return self.model_dump_json(indent=1)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over everything that searches depend on, in hex; independent of the order of keys.

        What was measured to test the table is no part of it.
        """
        table = self.model_dump(mode="json", exclude={"measured_convnets"})
        canonical = json.dumps(table, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def layer_ms(self, layer: int, layer_type: LayerType) -> float:
        """Runtime of one of the 13 types in layer 1..20, in milliseconds; skip costs nothing."""
        if layer_type.is_skip:
            return 0.0
        column = COLUMNS.index(f"{layer_type.kernel}x{layer_type.kernel}-{layer_type.expansion}")
        factor = self.se_factors[layer][column] if layer_type.se_ratio else 1.0
        return self.layers[layer][column] * factor

    def convnet_ms(self, architecture: Architecture) -> float:
        """Runtime R of an architecture as the sum of its layers and the base, in milliseconds (Eq. 11)."""
        layers = zip(SEARCHABLE, architecture.layers, strict=True)
        return self.base_ms + sum(self.layer_ms(layer, layer_type) for layer, layer_type in layers)

    @cached_property
    def min_ms(self) -> float:
        """Lowest runtime R that an architecture can have here, in milliseconds."""
        return self._extreme_ms(min)

    @cached_property
    def max_ms(self) -> float:
        """Highest runtime R that an architecture can have here, in milliseconds."""
        return self._extreme_ms(max)

    def _extreme_ms(self, extreme: Callable[[Iterable[float]], float]) -> float:
        # R is a sum over layers that are chosen independently, so layerwise extremes are exact.
        return self.base_ms + sum(
            extreme(self.layer_ms(layer, layer_type) for layer_type in allowed_types(layer))
            for layer in SEARCHABLE
        )


def _check_layers(field: str, table: Mapping[int, object], optional: tuple[int, ...] = ()) -> None:
    missing = [layer for layer in SEARCHABLE if layer not in table]
    unknown = sorted(set(table) - {*SEARCHABLE, *optional})
    if missing:
        raise ValueError(f"{field} lacks layers {_listed(missing)}; layers 1 to 20 are required")
    if unknown:
        raise ValueError(f"{field} has unknown layers {_listed(unknown)}")


def _listed(layers: Iterable[int]) -> str:
    return ", ".join(map(str, layers))


def platform_names() -> tuple[str, ...]:
    """Names of the platforms that are shipped, sorted."""
    files = resources.files("nas_worker.platforms").iterdir()
    return tuple(sorted(file.name.removesuffix(".json") for file in files if file.name.endswith(".json")))


def load_platform(name: str) -> Platform:
    """A shipped platform.

    Raises:
        UnknownNameError: There is none of that name; the message lists those that exist.
    """
    if name not in platform_names():
        raise UnknownNameError("platform", name, platform_names())
    return Platform.from_json((resources.files("nas_worker.platforms") / f"{name}.json").read_text("utf-8"))
