import csv
import io
import json
import xml.etree.ElementTree as Xml

import pytest

from nas_worker.export.block_strings import decode_blocks
from nas_worker.export.document import ArchitectureDocument
from nas_worker.platform import load_platform
from nas_worker.runtime import architecture_runtime_ms
from nas_worker.space import Architecture
from service import artifacts
from service.client import Client
from tests.service.api.problems import assert_problem
from tests.service.live import Live
from tests.service.searches import ARCHITECTURE, epoch_report, finished_trial, lease, start_trial


@pytest.fixture
def study(shared: Live) -> str:
    """A study with trials 0 (completed), 1 (running, one epoch) and 2 (running, none)."""
    study_id = str(shared.create(max_parallel_trials=8)["id"])
    finished_trial(shared.store, study_id)
    running = start_trial(shared.store, study_id)
    shared.store.dispatch.record_epochs(lease(shared.store), running.id, running.attempt, [epoch_report(1)])
    start_trial(shared.store, study_id)
    return study_id


def test_a_completed_trial_has_its_convnet_in_every_format(shared: Live, study: str) -> None:
    with Client(shared.base_url) as client:
        listed = client.artifacts(study, 0)
        files = {each.name: client.artifact(study, 0, each.name) for each in listed}
    assert tuple(files) == artifacts.NAMES
    assert [len(files[each.name]) for each in listed] == [each.size_bytes for each in listed]
    architecture = Architecture.parse(ARCHITECTURE)
    document = ArchitectureDocument.from_json(files["architecture.json"].decode())
    assert document.layers == architecture
    assert document.runtime_ms == pytest.approx(
        architecture_runtime_ms(load_platform("pixel1"), architecture)
    )
    assert decode_blocks(files["architecture.txt"].decode().splitlines()) == architecture
    assert Xml.fromstring(files["architecture.svg"]).tag.endswith("svg")
    rows = list(csv.DictReader(io.StringIO(files["epochs.csv"].decode())))
    assert [int(row["epoch"]) for row in rows] == list(range(1, 9))
    assert rows[-1]["architecture"].split() == list(ARCHITECTURE)


def test_files_are_named_after_their_trial(shared: Live, study: str) -> None:
    response = shared.http.get(f"/v1/studies/{study}/trials/0/artifacts/architecture.json")
    assert response.headers["content-type"] == "application/json"
    assert f'filename="{study}-trial-0-architecture.json"' in response.headers["content-disposition"]
    assert json.loads(response.text)["format"] == "spnas-architecture"


def test_an_unfinished_trial_has_what_there_is(shared: Live, study: str) -> None:
    for number, names in ((1, ["epochs.csv"]), (2, [])):
        listed = shared.http.get(f"/v1/studies/{study}/trials/{number}/artifacts").json()
        assert [each["name"] for each in listed["artifacts"]] == names
    response = shared.http.get(f"/v1/studies/{study}/trials/1/artifacts/architecture.json")
    assert "it has epochs.csv" in assert_problem(response, 404, "not-found")["detail"]


@pytest.mark.parametrize("name", ["nothing", "..%2f..%2fetc%2fpasswd", "%2e%2e"])
def test_no_other_name_leads_anywhere(shared: Live, study: str, name: str) -> None:
    assert_problem(shared.http.get(f"/v1/studies/{study}/trials/0/artifacts/{name}"), 404, "not-found")


def test_missing_study_and_trial_are_not_found(shared: Live, study: str) -> None:
    for path in (f"{study}/trials/9", "nothing/trials/0"):
        assert_problem(shared.http.get(f"/v1/studies/{path}/artifacts"), 404, "not-found")
