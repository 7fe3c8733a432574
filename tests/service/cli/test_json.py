"""What --json prints is what the API's own description, /openapi.json, says."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from nas_worker.platform import Platform
from tests.service.cli.conftest import Run
from tests.service.cli.synthetic import work_off
from tests.service.cli.test_help import LEAVES
from tests.service.cli.test_platform_import import phone_csv
from tests.service.live import Live

STUDY = "/v1/studies/{study_id}"
READS = {
    ("study", "list"): "/v1/studies",
    ("study", "show", "STUDY"): STUDY,
    ("study", "trials", "STUDY"): f"{STUDY}/trials",
    ("study", "events", "STUDY"): f"{STUDY}/history",
    ("study", "best", "STUDY"): f"{STUDY}/best",
    ("study", "recommend", "STUDY"): f"{STUDY}/recommendation",
    ("platform", "list"): "/v1/platforms",
    ("platform", "show", "pixel1"): "/v1/platforms/{name}",
}
CHANGES = {"pause": f"{STUDY}:pause", "resume": f"{STUDY}:resume", "cancel": f"{STUDY}:cancel"}
WITHOUT_JSON = {"serve", "study export", "study delete"}


class Description:
    """The schemas of a service's answers.

    Args:
        live: The service.
    """

    def __init__(self, live: Live) -> None:
        self._document: dict[str, Any] = live.http.get("/openapi.json").json()

    def check(self, text: str, method: str, path: str) -> Any:
        """Fails unless ``text`` is one JSON document that fits the answer of an operation; returns it."""
        responses = self._document["paths"][path][method]["responses"]
        (answer,) = [responses[status] for status in responses if status in ("200", "201", "202")]
        schema = answer["content"]["application/json"]["schema"]
        document = json.loads(text)
        Draft202012Validator({**schema, "components": self._document["components"]}).validate(document)
        return document


@pytest.fixture(scope="module")
def description(live: Live) -> Description:
    return Description(live)


@pytest.mark.parametrize("line", READS, ids=" ".join)
def test_what_is_read_is_the_apis_answer(
    line: tuple[str, ...], run: Run, live: Live, study_id: str, description: Description
) -> None:
    result = run(*(study_id if word == "STUDY" else word for word in line), "--json")
    assert result.exit_code == 0, result.output
    document = description.check(result.stdout, "get", READS[line])
    answer = live.http.get(READS[line].format(study_id=study_id, name="pixel1")).json()
    assert document == answer


def test_what_is_changed_is_the_apis_answer(run: Run, description: Description) -> None:
    created = run("study", "create", "--target", "80", "--json").stdout
    study_id = description.check(created, "post", "/v1/studies")["id"]
    for command, path in CHANGES.items():
        result = run("study", command, study_id, "--json")
        assert description.check(result.stdout, "post", path)["id"] == study_id
    watched = run("study", "watch", study_id, "--json")
    assert watched.exit_code == 1, "it was cancelled"
    assert description.check(watched.stdout, "get", STUDY)["state"] == "cancelled"


@pytest.fixture
def demo_worked_off(live: Live) -> Iterator[None]:
    """The next study that is tagged as the demo's is worked off."""
    done = threading.Event()

    def work() -> None:
        while not done.wait(0.05):
            for study in live.store.studies.list(query="demo").items:
                work_off(live.store, study.id)
                return

    thread = threading.Thread(target=work)
    thread.start()
    yield
    done.set()
    thread.join()


def test_the_demos_study_is_the_apis(run: Run, description: Description, demo_worked_off: None) -> None:
    result = run("demo", "--json", "--budget", "16")
    assert result.exit_code == 0, result.output
    assert description.check(result.stdout, "get", STUDY)["state"] == "completed"


def test_platform_files_are_what_the_api_takes(run: Run, tmp_path: Path, description: Description) -> None:
    out = tmp_path / "phone.json"
    line = ("platform", "import", str(phone_csv(tmp_path)), "--units", "us", "--out", str(out), "--json")
    imported = run(*line)
    assert imported.exit_code == 0, imported.output
    put = run("platform", "add", str(out), "--json")
    document = description.check(put.stdout, "put", "/v1/platforms/{name}")
    assert Platform.from_json(imported.stdout) == Platform.from_json(json.dumps(document))


def test_every_command_that_answers_has_json() -> None:
    without = {
        " ".join(path)
        for path, command in LEAVES
        if not any("--json" in option.opts for option in command.params)
    }
    assert without == WITHOUT_JSON
