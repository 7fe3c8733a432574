"""The fields of the form for a new study, with labels; limits and defaults come from StudySpec itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.domain.spec import StudySpec


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form.

    Attributes:
        path: Dotted path in StudySpec.
        label: What people read.
        kind: ``number``, ``targets``, ``text``, ``notes``, ``tags``, ``choice`` (yes or no), or the name of a
            list to select from.
        term: Key in the glossary, or empty.
        unit: Shown behind the field, or empty.
        value: What is filled in; None leaves it empty.
        attributes: HTML attributes that limit the input.
        hint: From the schema's description.
    """

    path: str
    label: str
    kind: str
    term: str
    unit: str
    value: Any
    attributes: Mapping[str, Any]
    hint: str

    @property
    def id(self) -> str:
        """Id of the input element."""
        return "field-" + self.path.replace(".", "-")


_LAYOUT: Mapping[str, tuple[tuple[str, str, str, str, str], ...]] = {
    "Goal": (
        ("target_runtime_ms", "Target runtime", "targets", "target", "ms"),
        ("platform", "Platform", "platforms", "platform", ""),
        ("name", "Name", "text", "", ""),
    ),
    "Budget": (
        ("budget_epochs", "Budget", "number", "budget", "epochs"),
        ("epochs.max", "Full fidelity", "number", "fidelity", "epochs"),
        ("epochs.min", "Lowest fidelity", "number", "fidelity", "epochs"),
        ("max_parallel_trials", "Trials side by side", "number", "trial", ""),
    ),
    "Search for λ": (
        ("lambda_range.low", "Lowest λ", "number", "lambda", ""),
        ("lambda_range.high", "Highest λ", "number", "lambda", ""),
        ("seed", "Seed", "number", "seed", ""),
        ("reuse_trials", "Reuse identical trials", "choice", "", ""),
    ),
    "Each architecture search": (
        ("search.dataset", "Data set", "datasets", "", ""),
        ("search.width", "Width multiplier", "number", "", ""),
        ("search.image_size", "Image size", "number", "", "pixels"),
        ("search.batch_size", "Batch size", "number", "", "images"),
        ("trial_timeout_seconds", "Longest trial", "number", "", "seconds"),
        ("resources.cpus", "CPU cores", "number", "", "per trial"),
        ("resources.gpus", "GPUs", "number", "", "per trial"),
    ),
    "Remember": (
        ("tags", "Tags", "tags", "", ""),
        ("notes", "Notes", "notes", "", ""),
    ),
}

_HTML_LIMITS = {"minimum": "min", "maximum": "max", "maxLength": "maxlength"}


def sections(original: StudySpec | None) -> dict[str, list[Field]]:
    """The form's fields by section, with the defaults of StudySpec or the values of a study to clone."""
    schema = StudySpec.model_json_schema()
    values = original or StudySpec(target_runtime_ms=80.0)
    dump = values.model_dump(mode="json")
    return {
        title: [
            Field(path, label, kind, term, unit, _at(dump, path), *_limits(_schema_of(schema, path)))
            for path, label, kind, term, unit in rows
        ]
        for title, rows in _LAYOUT.items()
    }


def _at(values: Mapping[str, Any], path: str) -> Any:
    value: Any = values
    for part in path.split("."):
        value = value[part]
    return value


def _schema_of(schema: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """The schema of a field by its dotted path; of an optional one, that of its value."""
    found: Any = schema
    for part in path.split("."):
        found = _resolved(schema, found)["properties"][part]
    variants = [each for each in found.get("anyOf", []) if each.get("type") != "null"]
    return {**found, **variants[0]} if variants else found


def _resolved(schema: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = part.get("$ref")
    return schema["$defs"][reference.rsplit("/", 1)[1]] if reference else part


def _limits(schema: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """HTML attributes and the hint of a field. Exclusive limits have no attribute; the check knows them."""
    attributes = {html: schema[key] for key, html in _HTML_LIMITS.items() if key in schema}
    if schema.get("type") == "integer":
        attributes["step"] = 1
    elif schema.get("type") == "number":
        attributes["step"] = "any"
    return attributes, schema.get("description", "")
