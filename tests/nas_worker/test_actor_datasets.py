"""A worker reads data sets from the folders that its assignment names, whatever the API let through."""

from pathlib import Path

import pytest

from nas_worker.actor import Assignment, Outcome, PollReply, SearchWorker
from tests.nas_worker.jobs import small_job
from tests.nas_worker.sources.folders import class_folders


def outcome_of(
    dataset: Path | str, roots: tuple[str, ...], folder: Path, *, allow_hub: bool = False
) -> PollReply:
    name = dataset if isinstance(dataset, str) else f"imagefolder:{dataset}"
    job = small_job(epochs=1, dataset=name)
    worker = SearchWorker()
    worker.start(Assignment(1, 1, job, str(folder), dataset_roots=roots, allow_hub=allow_hub))
    reply = worker.poll(1, 1, after_epoch=1, wait_seconds=60)
    assert reply.outcome is not None
    return reply


@pytest.mark.parametrize("roots", [(), ("/nowhere",)])
def test_a_data_set_outside_the_roots_fails_the_trial_in_one_line(
    roots: tuple[str, ...], tmp_path: Path
) -> None:
    reply = outcome_of(class_folders(tmp_path / "data", 10), roots, tmp_path)
    assert reply.outcome is Outcome.FAILED
    assert reply.error is not None
    assert "lies outside the folders that data sets may be read from" in reply.error
    assert len(reply.error.splitlines()) == 1


def test_one_inside_is_searched_on(tmp_path: Path) -> None:
    reply = outcome_of(class_folders(tmp_path / "data", 10), (str(tmp_path),), tmp_path)
    assert (reply.outcome, reply.error) == (Outcome.FINISHED, None)


def test_the_hub_is_asked_only_if_the_assignment_allows_it(tmp_path: Path) -> None:
    for allow_hub, says in ((False, "SPNAS_ALLOW_HUB=true lets it"), (True, "csv reads files")):
        reply = outcome_of("hub:csv", (), tmp_path, allow_hub=allow_hub)
        assert reply.outcome is Outcome.FAILED
        assert reply.error is not None
        assert says in reply.error
