"""Target runtimes: one in the simple case, or several that a study serves with the same trials."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, Tag

MIN_MS, MAX_MS = 0.001, 1e6
MOST_TARGETS = 8

Milliseconds = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=MIN_MS, le=MAX_MS)]
"""A target runtime. The bounds keep rewards (Eq. 19) clear of underflow, which PostgreSQL refuses."""


def _form(value: object) -> str | None:
    """Which of the two forms is meant, so that errors are about that one alone; None: neither."""
    if isinstance(value, Mapping):
        return None
    return "list" if isinstance(value, list | tuple) else "number"


def _few_and_distinct(targets_ms: tuple[float, ...]) -> tuple[float, ...]:
    if not 1 <= len(targets_ms) <= MOST_TARGETS:
        raise ValueError(f"must hold 1 to {MOST_TARGETS} targets; got {len(targets_ms)}")
    repeated = [target for place, target in enumerate(targets_ms) if target in targets_ms[:place]]
    if repeated:
        raise ValueError(f"targets must be distinct; {repeated[0]:g} is there more than once")
    return targets_ms


def in_short(targets_ms: tuple[float, ...]) -> float | tuple[float, ...]:
    """The simplest form of targets: one is a number."""
    return targets_ms[0] if len(targets_ms) == 1 else targets_ms


TargetRuntime = Annotated[
    Annotated[Milliseconds, Tag("number")]
    | Annotated[
        tuple[Milliseconds, ...],
        # Checked once all numbers are valid: pydantic would count those that are left.
        Field(json_schema_extra={"minItems": 1, "maxItems": MOST_TARGETS, "uniqueItems": True}),
        AfterValidator(_few_and_distinct),
        AfterValidator(in_short),
        Tag("list"),
    ],
    Discriminator(
        _form,
        custom_error_type="neither_form",
        custom_error_message="Input should be a valid number or an array of them",
    ),
]
"""A number, or a list of distinct ones; a list of one is that number. Their order is kept."""


def each_target(target_runtime_ms: float | tuple[float, ...]) -> tuple[float, ...]:
    """The targets of either form, in milliseconds."""
    return target_runtime_ms if isinstance(target_runtime_ms, tuple) else (target_runtime_ms,)


def targets_text(targets_ms: Iterable[float]) -> str:
    """Targets for people, without their unit: ``60, 80``."""
    return ", ".join(f"{target:g}" for target in targets_ms)
