"""The raw measurements of a profile, kept in a file that a broken-off run goes on from."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nas_worker.atomic import write_text
from nas_worker.errors import ProfileInputError
from nas_worker.profiling.settings import ProfileSettings

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Measurements(BaseModel):
    """Timed runs of every subject in every round that is done.

    Attributes:
        format: Of the file.
        settings: What was asked for.
        environment: What it was measured on and with.
        rounds_done: Rounds that are measured.
        seconds: Subject's key -> its timed runs, round after round.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[2] = 2
    settings: ProfileSettings
    environment: dict[str, str]
    rounds_done: int = Field(ge=0)
    seconds: dict[str, tuple[Seconds, ...]]

    @model_validator(mode="after")
    def _rounds_are_whole(self) -> Self:
        a_visit = self.rounds_done * self.settings.repeats
        if bool(self.seconds) != bool(a_visit) or any(
            not runs or len(runs) % a_visit for runs in self.seconds.values()
        ):
            raise ValueError(f"every network must have been visited in each of {self.rounds_done} rounds")
        return self

    @property
    def is_complete(self) -> bool:
        """Whether all rounds are measured."""
        return self.rounds_done >= self.settings.rounds

    def with_round(self, runs: dict[str, tuple[float, ...]]) -> Self:
        """These and the timed runs of one more round, in seconds."""
        seconds = {key: (*self.seconds.get(key, ()), *added) for key, added in runs.items()}
        return self.model_copy(update={"rounds_done": self.rounds_done + 1, "seconds": seconds})

    def save(self, path: Path) -> None:
        """Writes the file, whole or not at all."""
        write_text(path, self.model_dump_json())


def open_measurements(path: Path, settings: ProfileSettings, environment: dict[str, str]) -> Measurements:
    """The measurements of a file, or none yet where there is no file; more rounds may be asked for now.

    Raises:
        ProfileInputError: The file is damaged, or its settings, machine or versions are others.
    """
    if not path.exists():
        return Measurements(settings=settings, environment=environment, rounds_done=0, seconds={})
    try:
        found = Measurements.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        reason = "; ".join(str(error).splitlines()[:3])
        raise ProfileInputError(f"{path}: not measurements of a profile: {reason}") from error
    asked = settings.model_dump() | environment
    there = found.settings.model_dump() | found.environment
    if settings.rounds >= found.rounds_done:
        there["rounds"] = settings.rounds
    differing = [
        f"{name.replace('_', ' ')} was {there.get(name)}, now {asked.get(name)}"
        for name in (there | asked)
        if there.get(name) != asked.get(name)
    ]
    if differing:
        raise ProfileInputError(
            f"{path} was measured otherwise: {'; '.join(differing)}. "
            "Ask for the same again, or for another file, or delete this one"
        )
    return found.model_copy(update={"settings": settings})
