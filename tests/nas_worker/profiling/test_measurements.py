import json
from pathlib import Path

import pytest

from nas_worker.errors import ProfileInputError
from nas_worker.profiling.measurements import Measurements, open_measurements
from nas_worker.profiling.settings import ProfileSettings
from tests.nas_worker.profiling.clocked import SETTINGS, exact

AROUND = {"machine": "a clock"}


def test_a_file_gives_back_what_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "new" / "mine.measurements.json"
    exact().save(path)
    assert open_measurements(path, SETTINGS, AROUND) == exact()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_without_a_file_nothing_is_measured_yet(tmp_path: Path) -> None:
    found = open_measurements(tmp_path / "none.json", SETTINGS, AROUND)
    assert (found.rounds_done, found.is_complete, found.settings) == (0, False, SETTINGS)


@pytest.mark.parametrize("field", sorted(set(ProfileSettings.model_fields) - {"backend", "clock", "rounds"}))
def test_any_other_setting_is_refused_by_name(tmp_path: Path, field: str) -> None:
    exact().save(tmp_path / "m.json")
    value = getattr(SETTINGS, field)
    other = SETTINGS.model_copy(update={field: value + 1})
    with pytest.raises(ProfileInputError, match=f"{field.replace('_', ' ')} was {value}, now {value + 1}"):
        open_measurements(tmp_path / "m.json", other, AROUND)


def test_more_rounds_can_be_asked_for_but_not_fewer(tmp_path: Path) -> None:
    exact().save(tmp_path / "m.json")
    more = open_measurements(tmp_path / "m.json", SETTINGS.model_copy(update={"rounds": 9}), AROUND)
    assert (more.rounds_done, more.settings.rounds, more.is_complete) == (3, 9, False)
    with pytest.raises(ProfileInputError, match="rounds was 3, now 2"):
        open_measurements(tmp_path / "m.json", SETTINGS.model_copy(update={"rounds": 2}), AROUND)


def test_another_machine_or_version_is_refused_by_name(tmp_path: Path) -> None:
    exact().save(tmp_path / "m.json")
    with pytest.raises(ProfileInputError, match=r"machine was a clock, now a phone; torch was None, now 3"):
        open_measurements(tmp_path / "m.json", SETTINGS, {"machine": "a phone", "torch": "3"})


def damaged(text: str) -> list[str]:
    content = json.loads(text)
    ragged, negative, older = (json.loads(text) for _ in range(3))
    ragged["seconds"]["call"].pop()
    negative["seconds"]["call"][0] = -1
    older["format"] = 1
    return [text[:100], "[]", "\x00", *map(json.dumps, (ragged, negative, older, content | {"more": 1}))]


@pytest.mark.parametrize("number", range(7))
def test_a_damaged_file_is_refused_and_named(tmp_path: Path, number: int) -> None:
    path = tmp_path / "m.json"
    path.write_text(damaged(exact().model_dump_json())[number])
    with pytest.raises(ProfileInputError, match=r"m\.json: not measurements of a profile"):
        open_measurements(path, SETTINGS, AROUND)


def test_half_a_round_is_no_round() -> None:
    with pytest.raises(ValueError, match="visited in each of 1 rounds"):
        Measurements(settings=SETTINGS, environment={}, rounds_done=1, seconds={"call": (1.0,)})


@pytest.mark.parametrize("values", [{"threads": 2}, {"backend": "torch-cuda"}])
def test_the_cpu_clock_is_refused_where_it_does_not_see_all_the_work(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="clock cpu sees one thread"):
        ProfileSettings.model_validate({"clock": "cpu", **values})
